import { chmodSync, lstatSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { errorCode } from './network.ts'
import { listenPrivately } from './unix-socket.ts'

/** A request is one short line, an answer one line. */
const REQUEST_BYTES_MAX = 4096
const ANSWER_BYTES_MAX = 4 << 20
const TIME_MS_MAX = 5000
const CONNECTIONS_MAX = 16

export interface AdminSocket {
  /** Stops listening and takes the file away. */
  close(): void
}

/** Serves `answer`, one line each way, on a Unix socket of mode 0600. An error comes back as one line for the operator. */
export async function serveAdminSocket(
  path: string,
  answer: (line: string) => string | Promise<string>,
): Promise<AdminSocket | { readonly error: string }> {
  const stale = await clearStale(path)
  if (stale !== undefined) return { error: stale }
  const server = createServer((socket) => serve(socket, answer))
  server.maxConnections = CONNECTIONS_MAX
  const code = await listenPrivately(server, path)
  if (code !== undefined) return { error: `cannot listen on ${path}: ${why(code)}` }
  server.on('error', () => {})
  chmodSync(path, 0o600)
  const { ino } = lstatSync(path)
  return {
    close: () => {
      server.close()
      // Another instance may have put its own there meanwhile.
      if (inodeOf(path) === ino) rmSync(path, { force: true })
    },
  }
}

/** No proxy runs there: there is no socket, or one that was left behind. */
export class NobodyListens extends Error {}

/** Asks a running proxy; rejects with one line when none answers. */
export function askAdminSocket(path: string, line: string, timeoutMs = TIME_MS_MAX): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const parts: Buffer[] = []
    let length = 0
    const fail = (message: string, Kind: new (message: string) => Error = Error) => {
      socket.destroy()
      reject(new Kind(message))
    }
    socket.setTimeout(timeoutMs, () => fail(`no answer on ${path} within ${timeoutMs / 1000} seconds`))
    socket.on('error', (error) => {
      const code = errorCode(error)
      const isAbsent = code === 'ENOENT' || code === 'ECONNREFUSED'
      fail(`no proxy answers on ${path}: ${why(code)}`, isAbsent ? NobodyListens : Error)
    })
    socket.on('connect', () => socket.write(`${line}\n`))
    socket.on('data', (chunk) => {
      parts.push(chunk)
      length += chunk.length
      if (length > ANSWER_BYTES_MAX) fail(`the answer on ${path} is too long`)
    })
    socket.on('end', () => {
      socket.end()
      resolve(Buffer.concat(parts).toString('utf8').trimEnd())
    })
  })
}

function serve(socket: Socket, answer: (line: string) => string | Promise<string>): void {
  let seen = ''
  // From the start, not from the last byte: a slow writer is ended as well.
  const limit = setTimeout(() => socket.destroy(), TIME_MS_MAX)
  socket.on('close', () => clearTimeout(limit))
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    seen += chunk.toString('latin1')
    const end = seen.indexOf('\n')
    if (end < 0 && seen.length <= REQUEST_BYTES_MAX) return
    socket.removeAllListeners('data')
    socket.resume()
    void tell(socket, answer(end < 0 || end > REQUEST_BYTES_MAX ? '' : seen.slice(0, end)))
  })
}

async function tell(socket: Socket, answer: string | Promise<string>): Promise<void> {
  try {
    socket.end(`${await answer}\n`)
  } catch {
    socket.destroy()
  }
}

/** A file left by a process that is gone is removed; a living one, or a file that is no socket, is somebody else's. */
async function clearStale(path: string): Promise<string | undefined> {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return undefined
  if (!stat.isSocket()) return `cannot listen on ${path}: there is a file that is no socket`
  const isAlive = await new Promise<boolean>((resolve) => {
    const socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
  if (isAlive) return `cannot listen on ${path}: another Palisade answers there`
  rmSync(path, { force: true })
  return undefined
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino
}

function why(code: string): string {
  if (code === 'ENOENT') return 'there is no such file or folder'
  if (code === 'ECONNREFUSED') return 'nobody listens there'
  if (code === 'EACCES' || code === 'EPERM') return 'no permission'
  return code
}
