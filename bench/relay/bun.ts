import type { Socket } from 'bun'

/** One side of a relayed pair. `rest` is what the other side sent and the kernel did not take yet. */
class Side {
  socket: Socket<Side> | undefined
  other: Side | undefined
  rest: Uint8Array | undefined
  hasPeerEnded = false
}

/** Listens on a free port of 127.0.0.1 and relays every connection to `dcPort`. */
export function startRelay(dcPort: number, onListening: (port: number) => void): void {
  const listener = Bun.listen<Side>({
    hostname: '127.0.0.1',
    port: 0,
    allowHalfOpen: true,
    socket: {
      open(client) {
        const side = new Side()
        const other = new Side()
        side.socket = client
        side.other = other
        other.other = side
        client.data = side
        client.setNoDelay(true)
        client.pause()
        Bun.connect<Side>({
          hostname: '127.0.0.1',
          port: dcPort,
          allowHalfOpen: true,
          data: other,
          socket: toDc,
        }).catch(() => client.terminate())
      },
      data: pass,
      drain,
      end,
      close,
    },
  })
  onListening(listener.port)
}

const toDc = {
  open(dc: Socket<Side>) {
    dc.data.socket = dc
    dc.setNoDelay(true)
    if (dc.data.other?.socket === undefined) dc.terminate()
    else dc.data.other.socket.resume()
  },
  data: pass,
  drain,
  end,
  close,
  connectError() {},
}

function pass(from: Socket<Side>, chunk: Uint8Array): void {
  const to = from.data.other
  if (to?.socket === undefined) return
  const taken = to.socket.write(chunk)
  if (taken === chunk.length) return
  to.rest = chunk.subarray(Math.max(0, taken))
  from.pause()
}

function drain(to: Socket<Side>): void {
  const side = to.data
  if (side.rest === undefined) return
  const taken = to.write(side.rest)
  if (taken < side.rest.length) {
    side.rest = side.rest.subarray(Math.max(0, taken))
    return
  }
  side.rest = undefined
  side.other?.socket?.resume()
  if (side.other?.hasPeerEnded) to.shutdown()
}

function end(from: Socket<Side>): void {
  const side = from.data
  side.hasPeerEnded = true
  const to = side.other
  if (to?.socket === undefined || to.rest !== undefined) return
  to.socket.shutdown()
}

function close(gone: Socket<Side>): void {
  const { other } = gone.data
  gone.data.socket = undefined
  if (other?.rest === undefined) other?.socket?.end()
}
