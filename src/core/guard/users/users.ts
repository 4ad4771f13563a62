import { assert } from '../../assert.ts'
import type { UserRefusal } from '../../events.ts'
import type { TimerWheel } from '../../memory/wheel.ts'
import type { Clock, Random, SecretId, SharedMemory, WorkerPlace } from '../../ports.ts'
import type { GuardSettings, QuotaSettings, SecretSettings } from '../../settings.ts'
import type { AccessLevel } from '../access/index.ts'
import { Bucket, CellPlace, Pacer } from './bucket.ts'
import { Flow, type Paced } from './flow.ts'
import { Place, Places } from './places.ts'
import { Quotas, type QuotaRecord } from './quotas.ts'
import type { UserRows } from './rows.ts'
import { User } from './user.ts'

export interface UsersOptions {
  readonly memory: SharedMemory
  readonly random: Random
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly worker: WorkerPlace
  /** Pairs of user and address with connections that are counted; a power of two, at least 64. */
  readonly entries: number
  /** What one read can bring. */
  readonly readMaxBytes: number
  readonly settings: () => GuardSettings
}

/** What one connection holds as its user's. Given back once, by `leave`. */
export class UserLease {
  readonly place = new Place()
  /** Undefined: it holds nothing. */
  user: User | undefined
  /** Where its level has a bandwidth. */
  limited: Bucket | undefined
}

/** A user over all workers; `open` and bytes are of this process. */
export interface UserReading {
  readonly name: string
  readonly connections: number
  readonly addresses: number
  /** `usedBytes` in the period that is now. */
  readonly quota: (QuotaSettings & { readonly usedBytes: number }) | undefined
  readonly open: number
  readonly clientToDcBytes: number
  readonly dcToClientBytes: number
}

/** How much each user may have: connections, addresses, bandwidth and a quota, over all workers. */
export class Users {
  readonly rows: UserRows
  readonly quotas: Quotas
  /** False: what the disk knows of quotas has not been read yet, and whoever has one waits. */
  isSure = true
  readonly #options: UsersOptions
  readonly #places: Places
  readonly #pacer: Pacer
  readonly #byName = new Map<string, User>()
  #byId: ReadonlyMap<SecretId, User> = new Map()
  #applied: readonly SecretSettings[] = []
  /** Of pairs of user and address with connections of level "limited" in this process. */
  readonly #limited = new Map<number, Bucket>()

  constructor(options: UsersOptions) {
    const { clock, wheel, readMaxBytes } = options
    this.#options = options
    this.#places = new Places({ ...options, nowMs: clock.mono() })
    this.rows = this.#places.rows
    this.quotas = new Quotas(this.rows, clock)
    this.#pacer = new Pacer(wheel, readMaxBytes)
  }

  /** The secrets of a configuration; connections of others keep what they have. Flows are for `refresh`. */
  apply(secrets: readonly SecretSettings[]): void {
    if (secrets === this.#applied) return
    this.#applied = secrets
    for (const user of this.#byName.values()) user.isConfigured = false
    this.#byId = new Map(secrets.map((secret) => [secret.id, this.#configured(secret)]))
    for (const user of [...this.#byName.values()]) this.#forgetIfGone(user)
  }

  /** Counts a connection that knows this secret; what it answers keeps it out. */
  enter(lease: UserLease, id: SecretId, ip: string): UserRefusal | undefined {
    const user = this.#byId.get(id)
    assert(user !== undefined, 'who matched a secret is configured')
    if (user.limits.quota !== undefined && !this.#hasQuota(user.key, user.limits.quota)) return 'quota'
    const { clock, settings } = this.#options
    const { ipv6Prefix } = settings()
    const refusal = this.#places.take(lease.place, user.key, ip, ipv6Prefix, user.limits, clock.mono())
    if (refusal !== undefined) return refusal
    lease.user = user
    user.open++
    return undefined
  }

  /** The connection is closed, or is nobody's after all. Harmless for one that holds nothing. */
  leave(lease: UserLease): void {
    const { user, place } = lease
    if (user === undefined) return
    if (--user.open === 0) user.bucket = undefined
    if (lease.limited !== undefined && --lease.limited.uses === 0) this.#limited.delete(place.address)
    lease.user = lease.limited = undefined
    this.#places.give(place)
    this.#forgetIfGone(user)
  }

  /** What the bytes of that connection go through; undefined where nothing limits them. `flow` is what it had so far. */
  flowFor(lease: UserLease, level: AccessLevel, owner: Paced, flow?: Flow): Flow | undefined {
    const { user, place } = lease
    if (user === undefined) return flow
    this.#openBucket(user, place.row)
    const limited = level === 'limited' ? this.#limitedBucket(lease) : undefined
    if (user.limits.quota === undefined && user.bucket === undefined && limited === undefined) {
      flow?.refresh(undefined)
      return undefined
    }
    const { quotas } = this
    const next = flow ?? new Flow({ account: { user, row: place.row, quotas }, pacer: this.#pacer, owner })
    next.refresh(limited)
    return next
  }

  /** Users whose time is over, whose connections end with it, and who have some here. */
  *expired(wallSec: number): Iterable<User> {
    for (const user of this.#byName.values())
      if (user.open > 0 && user.closesAtEnd && user.expiresAt > 0 && user.expiresAt <= wallSec) yield user
  }

  /** All configured users, and those that still have connections here. */
  *list(): Iterable<UserReading> {
    for (const user of this.#byName.values()) {
      const row = this.rows.find(user.key)
      const { quota } = user.limits
      const { name, open, clientToDcBytes, dcToClientBytes } = user
      yield {
        ...{ name, open, clientToDcBytes, dcToClientBytes },
        connections: row < 0 ? 0 : this.rows.connections(row),
        addresses: row < 0 ? 0 : this.#places.addresses.distinct(row),
        quota: quota && { ...quota, usedBytes: row < 0 ? 0 : this.quotas.used(row, quota.period) },
      }
    }
  }

  /** What the disk knows of a user, configured or not. */
  restore(key: Int32Array, quota: QuotaRecord): void {
    const row = this.#places.rowOf(key)
    if (row >= 0) this.quotas.restore(row, quota)
  }

  /** Another worker has died: what it counted is not open any more. */
  takeBack(column: number): void {
    this.#places.takeBack(column)
  }

  #hasQuota(key: Int32Array, { bytes, period }: QuotaSettings): boolean {
    const row = this.rows.find(key)
    return this.isSure && (row < 0 ? 0 : this.quotas.used(row, period)) < bytes
  }

  #configured(secret: SecretSettings): User {
    const user = this.#byName.get(secret.name) ?? new User(secret.name)
    this.#byName.set(secret.name, user)
    user.configure(secret)
    return user
  }

  #forgetIfGone({ isConfigured, open, name }: User): void {
    if (!isConfigured && open === 0) this.#byName.delete(name)
  }

  #openBucket(user: User, row: number): void {
    const { bytesPerSec } = user.limits
    if (bytesPerSec === 0) user.bucket = undefined
    else if (user.bucket !== undefined) user.bucket.bytesPerSec = bytesPerSec
    else {
      const { floats: cells, locks } = this.rows
      user.bucket = new Bucket(new CellPlace(cells, this.rows.paidAt(row), locks, row), bytesPerSec)
    }
  }

  /** Each address of a user has one of its own: a secret that many share would be slowed for all of them by one. */
  #limitedBucket(lease: UserLease): Bucket | undefined {
    const { isEnabled, isDryRun, limitedBytesPerSec } = this.#options.settings()
    const { row, address } = lease.place
    if (!isEnabled || isDryRun || address < 0) return undefined
    let bucket = this.#limited.get(address)
    if (bucket === undefined) {
      const cells = this.#places.addresses.paidMs
      bucket = new Bucket(new CellPlace(cells, address, this.rows.locks, row), limitedBytesPerSec)
      this.#limited.set(address, bucket)
    }
    bucket.bytesPerSec = limitedBytesPerSec
    if (lease.limited === undefined) bucket.uses++
    lease.limited = bucket
    return bucket
  }
}
