import type { Socket } from 'node:net'
import { connect, createServer, type TLSSocket } from 'node:tls'
import type { Identity } from './pinning.ca.ts'

/** What a site saw of its visitors. */
export interface Visit {
  /** What came out of the TLS records. */
  text: string
  hasEnded: boolean
  isResumed: boolean
}

export interface Site {
  readonly port: number
  /** TCP connections, whatever became of them. */
  readonly connections: number
  /** Handshakes that the site took for complete. */
  readonly visits: readonly Visit[]
  /** Until no connection is open any more. */
  quiet(): Promise<void>
  close(): void
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

interface SiteOptions {
  readonly identity: Identity
  /** Sent in place of the chain that belongs to the identity. */
  readonly chain?: string
  readonly version: TlsVersion
  /** Answers the head of a request; the connection is left open. */
  readonly answer: (socket: TLSSocket, request: string) => void
}

/** A web site on loopback that keeps connections open and sessions for later, as the real ones do. */
export async function serveSite({ identity, chain, version, answer }: SiteOptions): Promise<Site> {
  const visits: Visit[] = []
  let connections = 0
  let open = 0
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer({
    key: identity.key,
    cert: chain ?? identity.chain,
    minVersion: version,
    maxVersion: version,
  })
  server.on('connection', (socket: Socket) => {
    connections++
    open++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open--)
  })
  server.on('secureConnection', (socket) => {
    const visit: Visit = { text: '', hasEnded: false, isResumed: socket.isSessionReused() }
    visits.push(visit)
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => (visit.hasEnded = true))
    socket.on('data', (chunk: Buffer) => {
      visit.text += chunk.toString('latin1')
      if (visit.text.endsWith('\r\n\r\n')) answer(socket, visit.text)
    })
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return connections
    },
    visits,
    quiet: () => until(() => open === 0 && visits.every(({ hasEnded }) => hasEnded)),
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Visits a site and takes its session along. One of the runtimes hands out sessions with its first answer only. */
export function takeSession(port: number, ca: string[], servername: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', { ca, servername }, () => socket.write('take\r\n\r\n'))
    socket.once('session', (session) => {
      resolve(session)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

const WAIT_MS = 5000

async function until(isDone: () => boolean): Promise<void> {
  for (const end = performance.now() + WAIT_MS; !isDone();) {
    if (performance.now() > end) throw new Error('a connection stayed open')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
