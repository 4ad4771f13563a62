import { isHostName } from '../../config/values/net.ts'
import type { NameAnswer, Resolver } from '../../core/ports.ts'
import { ownAddresses } from '../names.ts'
import type { Answer, RecordType } from './message.ts'

/** One question to one server. Ends within a time limit of its own, and never rejects. */
export type Ask = (host: string, type: RecordType) => Promise<Answer>

/** A resolver that asks for both families at once. */
export function resolverOf(ask: Ask): Resolver {
  return {
    query(host, reply) {
      // What is no name would be written as another one.
      if (isHostName(host))
        void Promise.all([ask(host, 'A'), ask(host, 'AAAA')]).then(([a, aaaa]) => reply(joined(a, aaaa)))
      else setImmediate(() => reply({ kind: 'failed', why: `${JSON.stringify(host)} is no host name` }))
    },
  }
}

/** Asks the first; each further one when those before have failed. */
export function inTurn([first, ...others]: readonly Resolver[]): Resolver {
  if (others.length === 0) return first
  const second = inTurn(others)
  return {
    query(host, reply) {
      first.query(host, (answer) => {
        if (answer.kind !== 'failed') reply(answer)
        else
          second.query(host, (later) =>
            reply(later.kind === 'failed' ? { kind: 'failed', why: `${answer.why}; ${later.why}` } : later),
          )
      })
    },
  }
}

/**
 * IPv4 first, unless this machine has IPv6 alone. A server that does not answer for AAAA, as some do, is no worse for it; one
 * that does not answer for A has failed, or every lost packet would send us to the other family.
 */
function joined(a: Answer, aaaa: Answer): NameAnswer {
  if (a.kind === 'failed') return a
  if (aaaa.kind === 'failed') return a.ips.length > 0 ? a : aaaa
  const found = [a, aaaa].filter(({ ips }) => ips.length > 0)
  if (found.length === 0) return { kind: 'no-address' }
  if (hasIpv6Alone()) found.reverse()
  return {
    kind: 'addresses',
    ips: found.flatMap(({ ips }) => ips),
    ttlSec: Math.min(...found.map(({ ttlSec }) => ttlSec)),
  }
}

function hasIpv6Alone(): boolean {
  const outside = ownAddresses().filter((ip) => !/^(127\.|::1$|fe80:)/.test(ip))
  return outside.length > 0 && outside.every((ip) => ip.includes(':'))
}
