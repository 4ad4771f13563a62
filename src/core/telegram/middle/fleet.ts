import type { Emit, LinkEnd } from '../../events.ts'
import type { BufferPool } from '../../memory/pool.ts'
import { CallbackTimer, type TimerWheel } from '../../memory/wheel.ts'
import type { Address, Cancellable, Clock, Connection, Handler, Network, Random } from '../../ports.ts'
import type { ProxySecret } from '../../protocol/rpc/index.ts'
import type { MiddleSettings } from '../../settings.ts'
import type { AttemptId, Backoff } from '../backoff.ts'
import { addressMismatch, MiddleLink, type LinkClient, type LinkSlot } from './link.ts'
import type { PublicAddresses } from './public-address.ts'

export interface FleetOptions {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly wheel: TimerWheel
  readonly pool: BufferPool
  readonly emit: Emit
  readonly run: { readonly pid: number; readonly startedSec: number }
  /** Shared by all fleets: an address may serve several DCs. */
  readonly backoff: Backoff
  readonly settings: () => MiddleSettings
  readonly connectTimeoutMs: () => number
  /** Of this DC, in the order of preference of their families; empty while nothing is known. */
  readonly targets: () => readonly Address[]
  readonly secret: () => ProxySecret | undefined
  readonly addresses: Pick<PublicAddresses, 'give' | 'doubt' | 'confirm'>
}

export interface Attaching {
  onAttached(slot: LinkSlot, waitMs: number): void
  /** No link within the connect time-out, or none to be had. */
  onFail(): void
}

interface Waiter extends Attaching {
  readonly client: LinkClient
  readonly since: number
}

/** A link with this many clients is busy: another one is opened beside it. */
const BUSY_CLIENTS = 64
/** A link is not given new clients after this long, so that none lives for ever. */
const LIFETIME_MS = 30 * 60_000
const CARE_MS = 1_000

/** The links to the middle proxies of one DC: enough of them, each with clients in fair shares. */
export class Fleet {
  readonly dc: number
  readonly #options: FleetOptions
  readonly #links = new Map<MiddleLink, { readonly openedAt: number; readonly attempt: AttemptId }>()
  readonly #dialing = new Set<Cancellable>()
  readonly #waiters: Waiter[] = []
  readonly #care = new CallbackTimer(() => this.#takeCare())

  constructor(dc: number, options: FleetOptions) {
    this.dc = dc
    this.#options = options
  }

  get links(): number {
    return this.#links.size
  }
  get clients(): number {
    let clients = 0
    for (const link of this.#links.keys()) clients += link.clients
    return clients
  }

  /** `onAttached` or `onFail` comes once, perhaps before this returns; not after `cancel`. */
  attach(client: LinkClient, attaching: Attaching): Cancellable {
    const { clock } = this.#options
    const link = this.#leastBusy()
    if (link !== undefined) {
      this.#grow(link)
      attaching.onAttached(link.attach(client), 0)
      return { cancel() {} }
    }
    const waiter: Waiter = {
      client,
      since: clock.mono(),
      onAttached: (slot, ms) => attaching.onAttached(slot, ms),
      onFail: () => attaching.onFail(),
    }
    this.#waiters.push(waiter)
    this.#dialMore()
    this.#failWithoutHope()
    this.#keepCare()
    return { cancel: () => this.#forget(waiter) }
  }

  /** Ends every link and every wait. */
  close(): void {
    this.#options.wheel.disarm(this.#care)
    for (const dial of [...this.#dialing]) dial.cancel()
    this.#dialing.clear()
    for (const link of [...this.#links.keys()]) link.close('shutdown')
    for (const waiter of this.#waiters.splice(0)) waiter.onFail()
  }

  /** Of those that are open and have room, the one with the fewest clients, congested ones last. */
  #leastBusy(): MiddleLink | undefined {
    const { maxClientsPerLink } = this.#options.settings()
    let best: MiddleLink | undefined
    for (const link of this.#links.keys()) {
      if (!link.isOpen || link.isRetired || link.clients >= maxClientsPerLink) continue
      if (best === undefined || weightOf(link) < weightOf(best)) best = link
    }
    return best
  }

  /** Opens another link when even the least busy one is busy. */
  #grow(least: MiddleLink): void {
    const { linksPerDc, maxLinksPerDc } = this.#options.settings()
    const count = this.#links.size + this.#dialing.size
    const isBusy = least.clients >= BUSY_CLIENTS || least.isCongested
    if (count < linksPerDc || (isBusy && count < maxLinksPerDc)) this.#dialOne()
  }

  /** As many as those that wait need. */
  #dialMore(): void {
    const { maxClientsPerLink, maxLinksPerDc } = this.#options.settings()
    const opening = this.#dialing.size + [...this.#links.keys()].filter((link) => !link.isOpen).length
    const wanted = Math.ceil(this.#waiters.length / maxClientsPerLink)
    for (let i = opening; i < wanted; i++) {
      if (this.#links.size + this.#dialing.size >= maxLinksPerDc || !this.#dialOne()) return
    }
  }

  /** One attempt at an address that is not in its pause; false when there is none. */
  #dialOne(): boolean {
    const { network, clock, random, wheel, backoff, connectTimeoutMs, emit } = this.#options
    const now = clock.mono()
    const ready = this.#options.targets().filter((address) => backoff.waitMs(address, now) === 0)
    const secret = this.#options.secret()
    if (ready.length === 0 || secret === undefined) return false
    const address = ready[random.below(ready.length)]
    const id = backoff.attempt(address, now)
    const failed = (why: 'refused' | 'unreachable' | 'timeout' | 'descriptors' | 'error') => {
      if (!this.#dialing.delete(attempt)) return
      wheel.disarm(late)
      backoff.failed(address, id, clock.mono())
      emit({ kind: 'dial-failed', target: 'middle', address, why })
      this.#dialMore()
      this.#failWithoutHope()
    }
    const dial = network.dial(address, {
      onOpen: (connection) => {
        this.#dialing.delete(attempt)
        wheel.disarm(late)
        return this.#open(connection, address, secret, id)
      },
      onFail: failed,
    })
    const late = new CallbackTimer(() => {
      dial.cancel()
      failed('timeout')
    })
    const attempt: Cancellable = {
      cancel() {
        dial.cancel()
        wheel.disarm(late)
      },
    }
    this.#dialing.add(attempt)
    wheel.arm(late, now + connectTimeoutMs())
    return true
  }

  #open(connection: Connection, address: Address, secret: ProxySecret, attempt: AttemptId): Handler {
    const { clock, random, wheel, pool, run, addresses } = this.#options
    const link = new MiddleLink({
      ...{ connection, secret, run, clock, random, wheel, pool },
      ownAddress: (use) => addresses.give(connection.local.ip, address.ip, use),
      onOpen: (opened) => this.#opened(opened, address),
      onClosed: (closed, why) => this.#closed(closed, address, why),
    })
    this.#links.set(link, { openedAt: clock.mono(), attempt })
    link.begin()
    return link
  }

  #opened(link: MiddleLink, address: Address): void {
    const { backoff, clock, emit, settings, addresses } = this.#options
    backoff.succeeded(address)
    if (link.keyedAs !== undefined) addresses.confirm(link.keyedAs)
    emit({ kind: 'link-opened', dc: this.dc, address })
    this.#keepCare()
    const { maxClientsPerLink } = settings()
    while (link.isOpen && link.clients < maxClientsPerLink) {
      const waiter = this.#waiters.shift()
      if (waiter === undefined) return
      waiter.onAttached(link.attach(waiter.client), clock.mono() - waiter.since)
    }
    if (this.#waiters.length > 0) this.#dialMore()
  }

  #closed(link: MiddleLink, address: Address, why: LinkEnd): void {
    const { backoff, clock, emit, addresses } = this.#options
    const known = this.#links.get(link)
    if (known === undefined) return
    const { wasOpen } = link
    const mismatch = addressMismatch(link, why)
    this.#links.delete(link)
    if (mismatch !== undefined) addresses.doubt(mismatch)
    emit({ kind: 'link-closed', dc: this.dc, address, why, wasOpen, mismatch, ageMs: clock.mono() - known.openedAt })
    // A handshake that fails is a failure of the address: a wrong NAT address must not make a storm of connections.
    if (!wasOpen) backoff.failed(address, known.attempt, clock.mono())
    this.#dialMore()
    this.#failWithoutHope()
  }

  /** Whoever waits while nothing is under way and nothing can be begun would wait in vain. */
  #failWithoutHope(): void {
    if (this.#dialing.size > 0 || [...this.#links.keys()].some((link) => !link.wasOpen || link.isOpen)) return
    for (const waiter of this.#waiters.splice(0)) waiter.onFail()
  }

  #forget(waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter)
    if (at >= 0) this.#waiters.splice(at, 1)
  }

  #keepCare(): void {
    const { wheel, clock } = this.#options
    if (!this.#care.isArmed) wheel.arm(this.#care, clock.mono() + CARE_MS)
  }

  /** Ends waits that are too long, and links that are idle or old. */
  #takeCare(): void {
    const { clock, settings, connectTimeoutMs } = this.#options
    const now = clock.mono()
    for (const waiter of [...this.#waiters]) {
      if (now - waiter.since < connectTimeoutMs()) continue
      this.#forget(waiter)
      waiter.onFail()
    }
    for (const [link, { openedAt }] of [...this.#links]) {
      if (now - openedAt >= LIFETIME_MS) link.isRetired = true
      const { emptySince } = link
      if (emptySince === undefined || !link.isOpen) continue
      if (link.isRetired) link.close('retired')
      else if (now - emptySince >= settings().idleCloseMs) link.close('idle')
    }
    if (this.#links.size > 0 || this.#waiters.length > 0) this.#keepCare()
  }
}

function weightOf(link: MiddleLink): number {
  return link.clients + (link.isCongested ? BUSY_CLIENTS : 0)
}
