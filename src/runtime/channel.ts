import type { Socket } from 'node:net'
import { Peer, type PeerOptions } from '../workers/peer.ts'

/** Most that may wait for a process that does not read; past it the channel is given up. */
const QUEUE_BYTES_MAX = 64 << 20

/** A `Peer` over a stream. Whatever happens to the stream ends the peer, and never the process. */
export function openPeer(socket: Socket, options: Omit<PeerOptions, 'write' | 'close'>): Peer {
  const peer = new Peer({
    ...options,
    write(line) {
      if (!socket.destroyed) socket.write(line)
      if (socket.writableLength > QUEUE_BYTES_MAX) socket.destroy()
    },
    close: () => void socket.destroy(),
  })
  socket.on('data', (chunk) => peer.heard(chunk))
  // Every error is followed by `close`.
  socket.on('error', () => {})
  socket.on('end', () => peer.end())
  socket.on('close', () => peer.end())
  return peer
}
