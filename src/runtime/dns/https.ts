import type { Resolver } from '../../core/ports.ts'
import { pinnedGet, type GetOptions, type Lookup, type Trust } from '../https/get.ts'
import { encodeQuestion, readAnswer } from './message.ts'
import type { Ask } from './resolver.ts'
import { systemResolver } from './system.ts'

/** Far more than addresses need. */
const MESSAGE_MAX_BYTES = 4096
const TIMEOUT_MS = 5_000

/** What a test brings along. */
type Extra = Partial<Pick<GetOptions, 'tls' | 'timeoutMs'>>

/**
 * DNS over HTTPS (RFC 8484) by GET, each question on a pinned connection of its own. A server that is named by a host name is
 * looked up by the system, once: what was found serves until it is out of reach, and then until something else is found.
 */
export function httpsAsk(url: string, trust: Trust, extra: Extra = {}, system: Resolver = systemResolver): Ask {
  let found: readonly string[] = []
  let isDoubted = true
  const resolve: Lookup = (host, reply) => {
    if (!isDoubted) return reply(found)
    system.query(host, (answer) => {
      if (answer.kind === 'addresses') found = answer.ips
      isDoubted = answer.kind !== 'addresses'
      reply(found)
    })
  }
  return async (host, type) => {
    // Section 4.1: always 0, so that answers can be kept on the way.
    const question = { id: 0, host, type }
    const dns = Buffer.from(encodeQuestion(question)).toString('base64url')
    const result = await pinnedGet(
      {
        url: `${url}${url.includes('?') ? '&' : '?'}dns=${dns}`,
        accept: 'application/dns-message',
        bodyBytesMax: MESSAGE_MAX_BYTES,
        timeoutMs: TIMEOUT_MS,
        resolve,
        ...extra,
      },
      trust,
    )
    if ('failure' in result) {
      if (result.failure === 'network' || result.failure === 'timeout') isDoubted = true
      return { kind: 'failed', why: result.message }
    }
    const reading = readAnswer(result.body, question)
    const { hostname } = new URL(url)
    if (reading.kind === 'addresses') return reading
    return {
      kind: 'failed',
      why: `${hostname} ${reading.kind === 'failed' ? reading.why : 'answers with something else'}`,
    }
  }
}
