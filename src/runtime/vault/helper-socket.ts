import { rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import type { Link, LinkEvents } from '../../vault/helper/client.ts'
import { listenPrivately } from '../unix-socket.ts'

/** Workers, old ones that drain, and the process that started the helper: far below this. */
const CONNECTIONS_MAX = 1024
/** Answers that may wait for a process that does not read; past it the connection is given up. */
const UNREAD_BYTES_MAX = 8 << 20

/** Connects to the helper that listens at `path`. Never throws. */
export function dialHelper(path: string, events: LinkEvents): Link {
  const socket = connect(path)
  let isOver = false
  const over = () => {
    if (isOver) return
    isOver = true
    socket.destroy()
    events.onClose()
  }
  socket.on('connect', () => {
    if (!isOver) events.onOpen()
  })
  socket.on('data', (chunk) => {
    if (!isOver) events.onBytes(chunk)
  })
  socket.on('error', over)
  socket.on('end', over)
  socket.on('close', over)
  return {
    get waitingBytes() {
      return socket.writableLength
    },
    write: (bytes) => void socket.write(bytes),
    close() {
      isOver = true
      socket.destroy()
    },
  }
}

/** What hears one connection. */
export interface HelperHearer {
  /** False: the connection is to be cut. */
  heard(chunk: Uint8Array): boolean
  close(): void
}

export interface HelperServer {
  /** Stops listening, and takes the file away. */
  close(): void
}

/**
 * Listens at `path` for processes of the proxy, which `hear` is called for; what lay there before is of a helper that is gone. An error
 * comes back as its code.
 */
export async function serveHelper(
  path: string,
  hear: (write: (frame: Uint8Array) => void) => HelperHearer,
): Promise<HelperServer | { readonly error: string }> {
  rmSync(path, { force: true })
  const server = createServer((socket) => follow(socket, hear))
  server.maxConnections = CONNECTIONS_MAX
  const error = await listenPrivately(server, path)
  if (error !== undefined) return { error }
  server.on('error', () => {})
  return {
    close() {
      server.close()
      rmSync(path, { force: true })
    },
  }
}

function follow(socket: Socket, hear: (write: (frame: Uint8Array) => void) => HelperHearer): void {
  const hearer = hear((frame) => {
    if (!socket.destroyed) socket.write(frame)
    if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy()
  })
  socket.on('data', (chunk) => {
    if (!hearer.heard(chunk)) socket.destroy()
  })
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.destroy())
  socket.on('close', () => hearer.close())
}
