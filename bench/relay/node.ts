import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

const READ_BYTES = 64 << 10
/** Most that waits for one reader. Node would stop at its high-water mark, which a single read reaches: then each one stops. */
const WAITING_MAX_BYTES = 256 << 10
/** All sockets towards the DC read into this; Node can do that for sockets that connect, not for accepted ones. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES)
/** What was read moves here before it is written, and stays with Node when the kernel does not take it at once. */
let piece = Buffer.allocUnsafeSlow(READ_BYTES)

/** Listens on a free port of 127.0.0.1 and relays every connection to `dcPort`. */
export function startRelay(dcPort: number, onListening: (port: number) => void): void {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => relay(client, dcPort))
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
    onListening((server.address() as AddressInfo).port),
  )
}

function relay(client: Socket, dcPort: number): void {
  const onread = { buffer: shared, callback: (length: number, bytes: Uint8Array) => passCopy(bytes, length, client) }
  const dc = connect({ port: dcPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true, onread })
  client.on('data', (chunk) => {
    dc.write(chunk)
    if (dc.writableLength > WAITING_MAX_BYTES) client.pause()
  })
  dc.on('drain', () => client.resume())
  client.on('drain', () => dc.resume())
  passEnd(client, dc)
  passEnd(dc, client)
}

/** True: read on. */
function passCopy(bytes: Uint8Array, length: number, to: Socket): boolean {
  const copy = piece.subarray(0, length)
  copy.set(length === bytes.length ? bytes : bytes.subarray(0, length))
  to.write(copy)
  if (to.writableLength === 0) return true
  piece = Buffer.allocUnsafeSlow(READ_BYTES)
  return to.writableLength <= WAITING_MAX_BYTES
}

function passEnd(from: Socket, to: Socket): void {
  from.on('end', () => to.end())
  from.on('close', () => to.destroySoon())
  from.on('error', () => to.destroy())
}
