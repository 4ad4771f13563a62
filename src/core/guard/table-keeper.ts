import type { Emit } from '../events.ts'
import { TimerWheel } from '../memory/wheel.ts'
import type { Clock, Random, SharedMemory, Store } from '../ports.ts'
import type { Settings } from '../settings.ts'
import { BanKeeper } from './ban-keeper.ts'
import { Guard } from './guard.ts'
import { ReplayGuard } from './replay.ts'
import { TrialTable } from './trial-table.ts'
import { QuotaKeeper, Users, type UserReading } from './users/index.ts'

export interface TableKeeperOptions {
  readonly memory: SharedMemory
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly emit: Emit
  readonly settings: () => Settings
  /** Places of the processes that share the tables. */
  readonly columns: number
}

/**
 * Looks after the tables that several workers share, from the process that has the store and relays nothing: makes them before
 * the first worker starts, takes back what dead ones counted, and keeps bans on the disk.
 */
export class TableKeeper {
  readonly guard: Guard
  readonly banKeeper: BanKeeper
  readonly #users: Users
  readonly #quotaKeeper: QuotaKeeper
  readonly #settings: () => Settings
  readonly #replay: ReplayGuard
  readonly #trials: TrialTable
  readonly #wheel: TimerWheel
  readonly #clock: Clock

  constructor({ memory, store, clock, random, emit, settings, columns }: TableKeeperOptions) {
    // The place behind all others: it names locks that we hold, and counts nothing.
    const worker = { column: columns, columns }
    const { guard, mask } = settings()
    this.#clock = clock
    this.#wheel = new TimerWheel(clock.mono())
    this.guard = new Guard({
      ...{ memory, random, worker, emit, settings: () => settings().guard },
      ...{ entries: guard.tableEntries, nowMs: clock.mono() },
    })
    this.#users = new Users({
      ...{ memory, random, worker, clock, wheel: this.#wheel, settings: () => settings().guard },
      // Nothing flows through this process.
      ...{ entries: guard.tableEntries, readMaxBytes: 1 },
    })
    this.#settings = settings
    this.#quotaKeeper = new QuotaKeeper({ users: this.#users, store, clock, wheel: this.#wheel })
    this.#replay = new ReplayGuard({ memory, store, clock, skewSec: mask.skewSec, worker })
    this.#trials = new TrialTable({ memory, random, worker, nowMs: clock.mono() })
    this.banKeeper = new BanKeeper({
      ...{ bans: this.guard.bans, store, clock, wheel: this.#wheel },
      rememberMs: () => settings().guard.blockMaxMs,
    })
  }

  /** `done` is called once the tables know what the disk knows: then workers may start. */
  start(done: () => void): void {
    this.banKeeper.start(() => this.#quotaKeeper.start(() => this.#replay.whenSure(done)))
  }

  takeBack(column: number): void {
    this.guard.takeBack(column)
    this.#users.takeBack(column)
    this.#replay.takeBack(column)
    this.#trials.takeBack(column)
  }

  /** Users over all workers; what is of one process alone is 0. */
  users(): Iterable<UserReading> {
    this.#users.apply(this.#settings().secrets)
    return this.#users.list()
  }

  /** About once a second: writes the bans that workers have made, and what users have used of their quotas. */
  tick(): void {
    this.#wheel.advance(this.#clock.mono())
    this.banKeeper.care()
    this.#quotaKeeper.care()
  }

  close(): void {
    this.banKeeper.close()
    this.#quotaKeeper.close()
  }
}
