/** What the watch has started. */
export interface HelperHandle {
  readonly pid: number
  /** Asks for a sign of life: `heardPong` follows from whoever can still answer. */
  ping(): void
  /** Ends it whatever it does; `heardGone` follows. */
  kill(): void
}

export interface HelperWatchOptions {
  readonly spawn: () => HelperHandle
  /** Monotonic ms. */
  readonly now: () => number
  /** How long it may be silent. */
  readonly silenceMs: number
  readonly events: HelperWatchEvents
}

export interface HelperWatchEvents {
  /** It takes questions. `isAgain`: not for the first time. */
  onReady(handle: HelperHandle, isAgain: boolean): void
  /** It did not answer, and is killed. */
  onHung(handle: HelperHandle): void
  /** It is gone; another one starts in `afterMs`, or none where that is undefined. */
  onGone(handle: HelperHandle, afterMs: number | undefined): void
  /** The first one was gone before it was ready. */
  onStartFailed(handle: HelperHandle): void
}

/** To be ticked this often. */
export const WATCH_TICK_MS = 250
const PING_EVERY_TICKS = 4
/** Until it is ready: modules of networks take their time to log in. */
export const START_MS = 60_000
/** One that lived that long is replaced at once, any other after a second, then twice as long each time, up to half a minute. */
const STEADY_MS = 60_000
const RETRY_FIRST_MS = 1000
const RETRY_MAX_MS = 30_000

type State =
  | { readonly name: 'idle' }
  | { readonly name: 'starting' | 'running'; readonly handle: HelperHandle; readonly since: number }
  | { readonly name: 'killed'; readonly handle: HelperHandle; readonly since: number }
  | { readonly name: 'waiting'; readonly until: number }
  | { readonly name: 'over' }

/** Keeps one vault helper running: a state machine without processes or clocks of its own. */
export class HelperWatch {
  readonly #options: HelperWatchOptions
  #state: State = { name: 'idle' }
  #retryMs = 0
  #hasBeenReady = false
  /** Since it last answered. Ticks, and not time: after a pause of ours its answer may be there, unread. */
  #silentTicks = 0

  constructor(options: HelperWatchOptions) {
    this.#options = options
  }

  /** Of the process that runs or starts; undefined while there is none. */
  get pid(): number | undefined {
    return 'handle' in this.#state ? this.#state.handle.pid : undefined
  }

  start(): void {
    this.#silentTicks = 0
    this.#state = { name: 'starting', handle: this.#options.spawn(), since: this.#options.now() }
  }

  /** No other one is started from now on. */
  stop(): void {
    this.#state = { name: 'over' }
  }

  heardReady(handle: HelperHandle): void {
    if (!this.#isCurrent(handle) || this.#state.name !== 'starting') return
    this.#state = { name: 'running', handle, since: this.#options.now() }
    this.#silentTicks = 0
    const isAgain = this.#hasBeenReady
    this.#hasBeenReady = true
    this.#options.events.onReady(handle, isAgain)
  }

  heardPong(handle: HelperHandle): void {
    if (this.#isCurrent(handle)) this.#silentTicks = 0
  }

  /** `isFinal`: the next one would fare no better. */
  heardGone(handle: HelperHandle, isFinal = false): void {
    const state = this.#state
    if (!this.#isCurrent(handle) || !('since' in state)) return
    const { events, now } = this.#options
    if (!this.#hasBeenReady || isFinal) {
      this.#state = { name: 'over' }
      if (this.#hasBeenReady) events.onGone(handle, undefined)
      else events.onStartFailed(handle)
      return
    }
    const isSteady = state.name !== 'starting' && now() - state.since >= STEADY_MS
    const afterMs = isSteady ? 0 : Math.max(this.#retryMs, RETRY_FIRST_MS)
    this.#retryMs = isSteady ? 0 : Math.min(2 * afterMs, RETRY_MAX_MS)
    this.#state = { name: 'waiting', until: now() + afterMs }
    events.onGone(handle, afterMs)
  }

  tick(): void {
    const { now, silenceMs } = this.#options
    const state = this.#state
    if (state.name === 'waiting' && now() >= state.until) return this.start()
    if (state.name !== 'starting' && state.name !== 'running') return
    const patienceMs = state.name === 'starting' ? START_MS : silenceMs
    if (this.#silentTicks * WATCH_TICK_MS >= patienceMs) {
      this.#state = { ...state, name: 'killed' }
      this.#options.events.onHung(state.handle)
      return state.handle.kill()
    }
    if (state.name === 'running' && this.#silentTicks % PING_EVERY_TICKS === 0) state.handle.ping()
    this.#silentTicks++
  }

  #isCurrent(handle: HelperHandle): boolean {
    return 'handle' in this.#state && this.#state.handle === handle
  }
}
