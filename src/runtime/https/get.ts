import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Certificate } from '../../trust/chain.ts'
import type { PinPolicy } from '../../trust/policy.ts'
import { errorCode } from '../network.ts'
import { AnswerReader, type Answer, type AnswerFailure } from './answer.ts'
import { dialAny } from './dial-any.ts'
import type { TlsFailure, TlsTarget } from './dial.ts'

/** Answers once, maybe at once, within a bounded time; with no addresses when there are none. */
export type Lookup = (host: string, reply: (ips: readonly string[]) => void) => void

export interface GetOptions {
  /** `https://host[:port]/path`. */
  readonly url: string
  readonly bodyBytesMax: number
  /** For all of it: name lookup, handshake, answer. */
  readonly timeoutMs: number
  /** Addresses of the host, where the URL names none; not asked before the policy has let the host pass. */
  readonly resolve: Lookup
  /** What kind of body is wanted; anything where it is not given. */
  readonly accept?: string
  readonly tls?: TlsTarget['tls']
}

export interface Trust {
  readonly policy: PinPolicy
  /** Unix seconds. */
  readonly wall: () => number
}

export type GetFailure = AnswerFailure | 'bad-url' | 'not-contacted' | 'pin' | 'untrusted' | 'network' | 'timeout'

export type GetResult =
  | { readonly body: Uint8Array }
  /** `message` is one line that names the host. */
  | { readonly failure: GetFailure; readonly message: string }

const HTTPS_PORT = 443
/** Tried one after the other while none can be reached. */
const ADDRESSES_MAX = 3

/**
 * One GET on a connection of its own: no session, no keep-alive, no redirects, and not one byte of the request before pins and
 * validation said yes. Never rejects.
 */
export function pinnedGet(options: GetOptions, { policy, wall }: Trust): Promise<GetResult> {
  const place = readUrl(options.url)
  if (place === undefined) return Promise.resolve({ failure: 'bad-url', message: `no https URL: ${options.url}` })
  const { host, port } = place
  const why = policy.whyNotContact(host, wall())
  if (why !== undefined) return Promise.resolve({ failure: 'not-contacted', message: why })
  return new Promise((resolve) => {
    let attempt: { cancel(): void } | undefined
    let isOver = false
    const answer = (result: GetResult) => {
      isOver = true
      clearTimeout(limit)
      attempt?.cancel()
      resolve(result)
    }
    const limit = setTimeout(() => {
      answer({ failure: 'timeout', message: `${host} took longer than ${options.timeoutMs} ms` })
    }, options.timeoutMs)
    const start = (ips: readonly string[]) => {
      if (isOver) return
      if (ips.length === 0) return answer({ failure: 'network', message: `${host} has no address` })
      const tried = ips.slice(0, ADDRESSES_MAX)
      const judge = (chain: readonly Certificate[]) => policy.whyNotTrust(host, chain, wall())
      attempt = dialAny({ ...options, host, port }, tried, options.timeoutMs / (ADDRESSES_MAX + 1), judge, {
        onOpen: (socket) => exchange(socket, place, options, (result) => answer(named(host, result))),
        onFail: (failure) => answer(refused(host, failure, policy)),
      })
    }
    if (isIP(host) === 0) options.resolve(host, start)
    else start([host])
  })
}

interface Place {
  readonly host: string
  readonly port: number
  /** As the Host field names them. */
  readonly authority: string
  readonly path: string
}

function readUrl(text: string): Place | undefined {
  const url = URL.parse(text)
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, ''),
    port: url.port === '' ? HTTPS_PORT : Number(url.port),
    authority: url.host,
    path: url.pathname + url.search,
  }
}

/** Says what a handshake that failed means for the policy: the judge has counted its own refusals. */
function refused(host: string, { kind, message }: TlsFailure, policy: PinPolicy): GetResult {
  switch (kind) {
    case 'judged':
      return { failure: 'pin', message }
    case 'untrusted':
    case 'resumed':
      return { failure: 'untrusted', message: policy.fail(host, kind, `${host} is not trusted: ${message}`) }
    case 'network':
      return { failure: 'network', message: `${host} ${message}` }
  }
}

function exchange(socket: TLSSocket, place: Place, options: GetOptions, done: (answer: Outcome) => void): void {
  const reader = new AnswerReader(options.bodyBytesMax)
  socket.on('data', (chunk: Uint8Array) => {
    const answer = reader.push(chunk)
    if (answer === undefined) return
    socket.removeAllListeners('data')
    done(answer)
  })
  socket.on('error', (error) => done({ failure: 'network', message: `ended the connection (${errorCode(error)})` }))
  socket.on('close', () => done({ failure: 'network', message: 'ended the connection within the answer' }))
  socket.write(
    [
      `GET ${place.path} HTTP/1.1`,
      `Host: ${place.authority}`,
      `Accept: ${options.accept ?? '*/*'}`,
      'Accept-Encoding: identity',
      'Connection: close',
      '\r\n',
    ].join('\r\n'),
  )
}

type Outcome = Answer | { readonly failure: 'network'; readonly message: string }

function named(host: string, outcome: Outcome): GetResult {
  return 'body' in outcome ? outcome : { ...outcome, message: `${host} ${outcome.message}` }
}
