import type { LinkEnd, OwnAddress } from '../../core/events.ts'
import { BufferPool } from '../../core/memory/pool.ts'
import { TICK_MS, TimerWheel } from '../../core/memory/wheel.ts'
import type { Address, Clock, DialFailure, Network, Random } from '../../core/ports.ts'
import type { ProxySecret } from '../../core/protocol/rpc/index.ts'
import { addressMismatch, MiddleLink } from '../../core/telegram/middle/link.ts'
import type { PublicAddresses } from '../../core/telegram/middle/public-address.ts'

export interface LinkAttempt {
  readonly address: Address
  /** Our address as the link took it; undefined: it was not known, or not needed because nothing was reached. */
  readonly own: OwnAddress | undefined
  readonly outcome:
    | { readonly kind: 'open'; readonly ms: number }
    | { readonly kind: 'unreached'; readonly why: DialFailure }
    | { readonly kind: 'ended'; readonly why: LinkEnd; readonly mismatch: OwnAddress | undefined }
}

export interface LinkTrial {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly secret: ProxySecret
  readonly addresses: PublicAddresses
  readonly connectTimeoutMs: number
}

const POOL_BYTES = 1 << 20

/** One link to a middle proxy, opened as the proxy does it and closed again. */
export function tryLink(address: Address, trial: LinkTrial): Promise<LinkAttempt> {
  const { network, clock, random, secret, addresses, connectTimeoutMs } = trial
  const wheel = new TimerWheel(clock.mono())
  const ticking = setInterval(() => wheel.advance(clock.mono()), TICK_MS)
  const startedAt = clock.mono()
  return new Promise((resolve) => {
    let own: OwnAddress | undefined
    const finish = (outcome: LinkAttempt['outcome']) => {
      clearInterval(ticking)
      clearTimeout(limit)
      resolve({ address, own, outcome })
    }
    const dial = network.dial(address, {
      onOpen(connection) {
        clearTimeout(limit)
        const link = new MiddleLink({
          ...{ connection, secret, clock, random, wheel },
          pool: new BufferPool({ ceilingBytes: POOL_BYTES }),
          run: { pid: process.pid, startedSec: clock.wall() },
          ownAddress: (use) =>
            addresses.give(connection.local.ip, address.ip, (given) => {
              own = given
              use(given)
            }),
          onOpen: (opened) => {
            finish({ kind: 'open', ms: Math.round(clock.mono() - startedAt) })
            opened.close('shutdown')
          },
          onClosed: (closed, why) => finish({ kind: 'ended', why, mismatch: addressMismatch(closed, why) }),
        })
        link.begin()
        return link
      },
      onFail: (why) => finish({ kind: 'unreached', why }),
    })
    const limit = setTimeout(() => {
      dial.cancel()
      finish({ kind: 'unreached', why: 'timeout' })
    }, connectTimeoutMs)
  })
}
