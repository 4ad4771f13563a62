import { assert } from '../core/assert.ts'
import type { Columns } from './columns.ts'

/** A worker process, as it can be told. Nothing is called back from within these. */
export interface WorkerHandle {
  readonly pid: number
  /** No newcomers; end when the last connection has. */
  drain(): void
  /** End at once. */
  stop(): void
  /** End whatever it does. */
  kill(): void
}

export type WorkerState = 'starting' | 'running' | 'draining' | 'stopping'

export interface LiveWorker {
  readonly slot: number
  readonly column: number
  readonly handle: WorkerHandle
  readonly startedAt: number
  state: WorkerState
  lastHeard: number
  /** When patience ends; `Infinity` while nothing is awaited. */
  killAt: number
}

export interface FleetOptions {
  readonly slots: number
  readonly columns: Pick<Columns, 'take' | 'give'>
  readonly spawn: (slot: number, column: number) => WorkerHandle
  /** Monotonic milliseconds. */
  readonly mono: () => number
  /** How long a drain may take by the configuration. */
  readonly drainMs: () => number
  readonly events: FleetEvents
}

export interface FleetEvents {
  onReady(worker: LiveWorker): void
  /** The process is gone; its column may be used again when this returns. `isWanted`: it was told to end. */
  onGone(worker: LiveWorker, isWanted: boolean): void
  /** A slot has no worker; the next one starts in `afterMs`. */
  onReplacing(slot: number, afterMs: number): void
  /** All slots have a worker, for the first time. */
  onStarted(): void
  /** A worker of the first start was gone before it was ready. */
  onStartFailed(): void
  onRestarted(isDone: boolean): void
  /** After `drain` or `stop`: no worker is left. */
  onEnded(): void
}

interface Slot {
  /** Takes the connections, or will. */
  worker: LiveWorker | undefined
  /** Starts beside `worker`, to take its place. */
  next: LiveWorker | undefined
  retryAt: number | undefined
  youngDeaths: number
}

/** A worker that is not ready by then never will be. */
const START_MS = 30_000
/** A worker tells of itself every two seconds; one that is silent for so long hangs. */
const SILENT_MS = 60_000
/** Ticks come ten times a second; where the next one is so late, all of us stood still. */
const STILL_MS = 5000
const STOP_MS = 3000
/** Beyond the time that a drain may take, before a worker that does not end is ended. */
const DRAIN_GRACE_MS = 10_000
/** Whoever lives longer died of something else than its start. */
const YOUNG_MS = 60_000
const RETRY_MS = 1000
const RETRY_MAX_MS = 30_000

/** Keeps one worker on every slot: starts, replaces and retires them. Knows neither processes nor clocks of its own. */
export class Fleet {
  readonly #options: FleetOptions
  readonly #slots: Slot[]
  readonly #workers = new Map<WorkerHandle, LiveWorker>()
  /** Slots whose worker is still to be replaced by a planned restart; undefined when none is under way. */
  #rolling: number[] | undefined
  #isHeld = false
  /** Monotonic ms. */
  #tickedAt = Infinity
  #phase: 'starting' | 'running' | 'ending' | 'over' = 'starting'

  constructor(options: FleetOptions) {
    this.#options = options
    this.#slots = Array.from({ length: options.slots }, () => ({
      worker: undefined,
      next: undefined,
      retryAt: undefined,
      youngDeaths: 0,
    }))
  }

  /** Live ones, those that drain included, in order of age. */
  get workers(): readonly LiveWorker[] {
    return [...this.#workers.values()]
  }

  /** The first worker starts alone: it lays out what is shared, and the others find it done. */
  start(): void {
    this.#fill(0)
  }

  heardReady(handle: WorkerHandle): void {
    this.heardFrom(handle)
    const worker = this.#workers.get(handle)
    if (worker?.state !== 'starting') return
    worker.state = 'running'
    worker.killAt = Infinity
    this.#options.events.onReady(worker)
    const slot = this.#slots[worker.slot]
    if (slot.next === worker) this.#takeOver(slot, worker)
    if (this.#phase === 'starting') this.#goOnStarting()
  }

  heardFrom(handle: WorkerHandle): void {
    const worker = this.#workers.get(handle)
    if (worker !== undefined) worker.lastHeard = this.#options.mono()
  }

  heardGone(handle: WorkerHandle): void {
    const worker = this.#workers.get(handle)
    if (worker === undefined) return
    this.#workers.delete(handle)
    const isWanted = worker.state === 'draining' || worker.state === 'stopping'
    this.#options.events.onGone(worker, isWanted)
    this.#options.columns.give(worker.column)
    const slot = this.#slots[worker.slot]
    if (slot.next === worker) {
      slot.next = undefined
      this.#endRestart(false)
    } else if (slot.worker === worker) {
      slot.worker = slot.next
      slot.next = undefined
      if (this.#phase === 'running' && slot.worker === undefined) this.#replace(worker)
      else if (this.#phase === 'running' && slot.worker?.state === 'starting') this.#rollOn()
    }
    if (this.#phase === 'starting') this.#failStart()
    this.#endWhenEmpty()
  }

  /** A planned restart is under way. */
  get isRestarting(): boolean {
    return this.#rolling !== undefined
  }

  /** While held, no worker is started: somebody else gives the numbers out. */
  set isHeld(isHeld: boolean) {
    this.#isHeld = isHeld
  }

  /** Replaces every worker, one slot after the other. False while another restart is under way, we are held, or we end. */
  restart(): boolean {
    if (this.#phase !== 'running' || this.isRestarting || this.#isHeld) return false
    this.#rolling = this.#slots.map((_, slot) => slot)
    this.#rollOn()
    return true
  }

  /** About ten times a second. */
  tick(): void {
    const now = this.#options.mono()
    this.#forgive(now - this.#tickedAt)
    this.#tickedAt = now
    for (const worker of this.workers) {
      const isSilent = worker.state === 'running' && now - worker.lastHeard >= SILENT_MS
      if (now < worker.killAt && !isSilent) continue
      worker.killAt = Infinity
      worker.lastHeard = now
      worker.handle.kill()
    }
    for (const [i, slot] of this.#slots.entries())
      if (slot.retryAt !== undefined && now >= slot.retryAt && !this.#isHeld) {
        slot.retryAt = undefined
        this.#fill(i)
      }
  }

  drain(): void {
    this.#end((worker) => this.#retire(worker))
  }

  stop(): void {
    this.#end((worker) => {
      worker.state = 'stopping'
      worker.killAt = Math.min(worker.killAt, this.#options.mono() + STOP_MS)
      worker.handle.stop()
    })
  }

  /** A pause of the machine is held against nobody: what workers told meanwhile lies there unread, or they could not. */
  #forgive(sinceMs: number): void {
    if (sinceMs < STILL_MS) return
    const now = this.#options.mono()
    for (const worker of this.#workers.values()) {
      worker.lastHeard = Math.min(now, worker.lastHeard + sinceMs)
      worker.killAt += sinceMs
    }
  }

  #end(tell: (worker: LiveWorker) => void): void {
    if (this.#phase === 'over') return
    this.#phase = 'ending'
    this.#rolling = undefined
    for (const slot of this.#slots) slot.retryAt = undefined
    for (const worker of this.workers) tell(worker)
    this.#endWhenEmpty()
  }

  #endWhenEmpty(): void {
    if (this.#phase !== 'ending' || this.#workers.size > 0) return
    this.#phase = 'over'
    this.#options.events.onEnded()
  }

  #spawn(slot: number): LiveWorker | undefined {
    const { columns, spawn, mono } = this.#options
    const column = columns.take()
    if (column === undefined) return undefined
    const now = mono()
    const handle = spawn(slot, column)
    const worker: LiveWorker = {
      ...{ slot, column, handle, startedAt: now, lastHeard: now },
      state: 'starting',
      killAt: now + START_MS,
    }
    this.#workers.set(handle, worker)
    return worker
  }

  #fill(slot: number): void {
    const at = this.#slots[slot]
    assert(at.worker === undefined, 'a slot has one worker')
    at.worker = this.#spawn(slot)
    // Every number is taken by workers that drain: one of them will end.
    if (at.worker === undefined) at.retryAt = this.#options.mono() + RETRY_MS
  }

  #goOnStarting(): void {
    for (const [i, { worker, retryAt }] of this.#slots.entries())
      if (worker === undefined && retryAt === undefined) this.#fill(i)
    if (!this.#slots.every(({ worker }) => worker?.state === 'running')) return
    this.#phase = 'running'
    this.#options.events.onStarted()
  }

  #failStart(): void {
    this.stop()
    this.#options.events.onStartFailed()
  }

  /** At once for a worker that lived long, else after a pause that doubles with every early death. */
  #replace(gone: LiveWorker): void {
    const { mono, events } = this.#options
    const slot = this.#slots[gone.slot]
    const isYoung = mono() - gone.startedAt < YOUNG_MS
    slot.youngDeaths = isYoung ? slot.youngDeaths + 1 : 0
    const afterMs = isYoung ? Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(slot.youngDeaths - 1, 8)) : 0
    slot.retryAt = mono() + afterMs
    events.onReplacing(gone.slot, afterMs)
  }

  #retire(worker: LiveWorker): void {
    if (worker.state === 'draining' || worker.state === 'stopping') return
    worker.state = 'draining'
    worker.killAt = this.#options.mono() + this.#options.drainMs() + DRAIN_GRACE_MS
    worker.handle.drain()
  }

  #takeOver(slot: Slot, next: LiveWorker): void {
    const old = slot.worker
    slot.worker = next
    slot.next = undefined
    if (old !== undefined) this.#retire(old)
    this.#rollOn()
  }

  /** The next slot of a restart. One without a worker that runs gets a new one anyway. */
  #rollOn(): void {
    while (this.#rolling !== undefined) {
      const i = this.#rolling.shift()
      if (i === undefined) return this.#endRestart(true)
      const slot = this.#slots[i]
      if (slot.worker?.state !== 'running') continue
      slot.next = this.#spawn(i)
      if (slot.next !== undefined) return
      return this.#endRestart(false)
    }
  }

  #endRestart(isDone: boolean): void {
    if (this.#rolling === undefined) return
    this.#rolling = undefined
    this.#options.events.onRestarted(isDone)
  }
}
