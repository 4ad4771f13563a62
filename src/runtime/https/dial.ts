import { checkServerIdentity, connect, type ConnectionOptions, type PeerCertificate, type TLSSocket } from 'node:tls'
import { isIP } from 'node:net'
import { CHAIN_MAX, readChain, type Certificate } from '../../trust/chain.ts'
import { errorCode } from '../network.ts'

/** Whom to reach, and whom to expect there. */
export interface TlsTarget {
  /** Name or IP address, IPv6 without brackets: named in the hello, looked for in the certificate. */
  readonly host: string
  readonly port: number
  /** Where to connect, when the name was looked up already. */
  readonly ip?: string
  /** A private CA instead of the usual ones; a session to take up, which is refused and here to be tested. */
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'session'>
}

export interface TlsFailure {
  /**
   * `untrusted`: the usual validation. `judged`: the judge. `resumed`: nobody saw a certificate. `network`: all before.
   */
  readonly kind: 'untrusted' | 'judged' | 'resumed' | 'network'
  readonly message: string
}

const MESSAGE_MAX = 300

/** Looks at a chain that passed the usual validation; undefined lets it pass, a line refuses it. */
export type Judge = (chain: readonly Certificate[]) => string | undefined

export interface TlsDial {
  /** Nothing was written yet. The socket reports to whoever listens from now on. */
  onOpen(socket: TLSSocket): void
  /** Once, instead of `onOpen`; nothing was written. Not called after `cancel`. */
  onFail(failure: TlsFailure): void
}

/**
 * A new TLS connection, judged within the identity check. Sessions are never kept or offered, so that no connection comes about
 * without a certificate; whether that held is looked at again before the socket is handed out.
 */
export function dialTls(target: TlsTarget, judge: Judge, dial: TlsDial): { cancel(): void } {
  let seen: 'nothing' | 'trusted' | TlsFailure = 'nothing'
  const options: ConnectionOptions = {
    ...target.tls,
    // An address is no server name (RFC 6066, section 3).
    servername: isIP(target.host) === 0 ? target.host : '',
    // The environment must not turn it off.
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    checkServerIdentity: (_: string, leaf: PeerCertificate) => {
      const problem = checkServerIdentity(target.host, leaf)
      const why = problem === undefined ? judge(readChain(dersOf(leaf))) : plainText(problem.message)
      seen = why === undefined ? 'trusted' : { kind: problem === undefined ? 'judged' : 'untrusted', message: why }
      return why === undefined ? undefined : new Error(why)
    },
  }
  const socket = connect(target.port, target.ip ?? target.host, options)
  let isOver = false
  const fail = (failure: TlsFailure) => {
    socket.destroy()
    if (isOver) return
    isOver = true
    dial.onFail(failure)
  }
  const onError = (error: Error) => {
    if (typeof seen === 'object') return fail(seen)
    // Node types it as an Error; it is a code such as SELF_SIGNED_CERT_IN_CHAIN, or nothing.
    const isUntrusted = Boolean(socket.authorizationError)
    fail({
      kind: isUntrusted ? 'untrusted' : 'network',
      message: isUntrusted ? plainText(error.message) : `cannot be reached (${errorCode(error)})`,
    })
  }
  const onClose = () => fail({ kind: 'network', message: 'ended the connection' })
  socket.on('error', onError)
  socket.on('close', onClose)
  socket.once('secureConnect', () => {
    if (isOver) return
    if (socket.isSessionReused()) return fail({ kind: 'resumed', message: 'took up an old session' })
    if (seen === 'nothing') return fail({ kind: 'resumed', message: 'showed no certificate' })
    if (seen !== 'trusted') return fail(seen)
    if (!socket.authorized) return fail({ kind: 'untrusted', message: 'did not pass validation' })
    isOver = true
    socket.off('error', onError)
    socket.off('close', onClose)
    dial.onOpen(socket)
  })
  return {
    cancel: () => {
      isOver = true
      socket.destroy()
    },
  }
}

/** One short line: names come from the certificate of a stranger, and advice of the runtime is not for our operator. */
function plainText(message: string): string {
  return message
    .split(';', 1)[0]
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, MESSAGE_MAX)
}

/** The certificates from the leaf up. The root stands as its own issuer. */
function dersOf(leaf: PeerCertificate): Uint8Array[] {
  const ders: Uint8Array[] = []
  let at: Partial<{ raw: Uint8Array; issuerCertificate: unknown }> | undefined = leaf
  while (at?.raw !== undefined && ders.length < CHAIN_MAX) {
    ders.push(at.raw)
    const above = at.issuerCertificate as typeof at
    if (above === at) break
    at = above
  }
  return ders
}
