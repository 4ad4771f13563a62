import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Listens on a free port of 127.0.0.1 and relays every connection to `dcPort`. */
export function startRelay(dcPort: number, onListening: (port: number) => void): void {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const dc = connect({ port: dcPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    pass(client, dc)
    pass(dc, client)
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
    onListening((server.address() as AddressInfo).port),
  )
}

/** What `from.pipe(to)` does, without the parts that a pair of sockets does not need. */
function pass(from: Socket, to: Socket): void {
  from.on('data', (chunk) => {
    if (!to.write(chunk)) from.pause()
  })
  to.on('drain', () => from.resume())
  from.on('end', () => to.end())
  from.on('close', () => to.destroySoon())
  from.on('error', () => to.destroy())
}
