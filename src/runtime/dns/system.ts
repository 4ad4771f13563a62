import { lookup } from 'node:dns'
import type { NameAnswer, Resolver } from '../../core/ports.ts'
import { errorCode, plainIp } from '../network.ts'

/** getaddrinfo does not tell how long an answer holds. */
const TTL_SEC = 300
/** It tries all servers of the system several times, which may take minutes. */
const TIMEOUT_MS = 15_000

/** The system's resolver, hosts file included, the same on both runtimes. */
export const systemResolver: Resolver = {
  query(host, reply) {
    let isOver = false
    const answer = (result: NameAnswer) => {
      if (isOver) return
      isOver = true
      clearTimeout(limit)
      reply(result)
    }
    const limit = setTimeout(
      () => answer({ kind: 'failed', why: `the system took longer than ${TIMEOUT_MS} ms` }),
      TIMEOUT_MS,
    )
    // The system would take the empty name for this machine.
    if (host === '') setImmediate(() => answer({ kind: 'no-address' }))
    else
      lookup(host, { all: true, order: 'verbatim' }, (error, found) => {
        // Failures that need no resolver are answered within `lookup` by one of the runtimes.
        setImmediate(() => answer(error === null ? addresses(found) : failure(errorCode(error))))
      })
  },
}

function addresses(found: readonly { readonly address: string }[]): NameAnswer {
  if (found.length === 0) return { kind: 'no-address' }
  return { kind: 'addresses', ips: found.map(({ address }) => plainIp(address)), ttlSec: TTL_SEC }
}

function failure(code: string): NameAnswer {
  const isNoName = code === 'ENOTFOUND' || code === 'ENODATA'
  return isNoName ? { kind: 'no-address' } : { kind: 'failed', why: `the system answers ${code}` }
}
