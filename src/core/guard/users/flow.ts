import type { Turn } from '../../memory/backlog.ts'
import type { Bucket, Pacer } from './bucket.ts'
import type { Quotas } from './quotas.ts'
import type { User } from './user.ts'

/** A connection whose two sources can be stopped. */
export interface Paced {
  hold(): void
  letGo(): void
}

/** One user, with what it has used up. */
export interface Account {
  readonly user: User
  /** Of the user, in the shared rows. */
  readonly row: number
  readonly quotas: Quotas
}

export interface FlowOptions {
  /** Whose bandwidth and quota count; a stranger has neither. */
  readonly account?: Account
  readonly pacer: Pacer
  readonly owner: Paced
}

/** What the bytes of one connection go through whose user has a quota or a bandwidth, or whose level or source has one. */
export class Flow implements Turn {
  readonly #options: FlowOptions
  /** Of its level and address, or of where a stranger is; undefined: none. */
  #limited: Bucket | undefined
  #waitsIn: Bucket | undefined

  constructor(options: FlowOptions) {
    this.#options = options
  }

  /** Its sources are stopped, for want of bandwidth. */
  get isHeld(): boolean {
    return this.#waitsIn !== undefined
  }

  /** So many bytes have come, in either direction; returns how many may pass. Fewer: the quota is used up with them. */
  take(bytes: number): number {
    const { account } = this.#options
    const granted = account === undefined ? bytes : grantedOf(account, bytes)
    if (account?.user.bucket !== undefined || this.#limited !== undefined) this.#charge(granted)
    return granted
  }

  /** After a change of limits: whoever waits looks again. */
  refresh(limited: Bucket | undefined): void {
    this.#limited = limited
    if (this.#waitsIn === undefined) return
    this.#waitsIn.line.delete(this)
    this.onTurn()
  }

  onTurn(): void {
    const over = this.#over()
    this.#waitsIn = over
    if (over === undefined) this.#options.owner.letGo()
    else this.#options.pacer.wait(over, this)
  }

  /** The connection is closed. */
  end(): void {
    this.#waitsIn?.line.delete(this)
    this.#waitsIn = undefined
  }

  #charge(bytes: number): void {
    const { account, pacer, owner } = this.#options
    account?.user.bucket?.charge(bytes, pacer.nowMs)
    this.#limited?.charge(bytes, pacer.nowMs)
    if (this.#waitsIn !== undefined) return
    this.#waitsIn = this.#over()
    if (this.#waitsIn === undefined) return
    pacer.wait(this.#waitsIn, this)
    owner.hold()
  }

  /** A bandwidth that is used up. */
  #over(): Bucket | undefined {
    const { account, pacer } = this.#options
    const now = pacer.nowMs
    const bucket = account?.user.bucket
    if (bucket !== undefined && bucket.room(now) <= 0) return bucket
    return this.#limited !== undefined && this.#limited.room(now) <= 0 ? this.#limited : undefined
  }
}

/** How many of these bytes its quota lets pass. */
function grantedOf({ user, row, quotas }: Account, bytes: number): number {
  const { quota } = user.limits
  return quota === undefined ? bytes : quotas.spend(row, quota, bytes)
}
