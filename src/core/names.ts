import type { Emit, NameState } from './events.ts'
import { CallbackTimer, type TimerWheel } from './memory/wheel.ts'
import type { Clock, NameAnswer, Resolver } from './ports.ts'

/** What a resolver says is believed within these bounds: a time of 0 would ask all the time, a long one would outlive a move. */
const TTL_MIN_SEC = 30
const TTL_MAX_SEC = 3_600
/** A name in use is asked for again when this part of its time is left. */
const AHEAD_PART = 10
/** After one failure, two, ...: each pause is twice the one before, up to the last. */
const FIRST_PAUSE_MS = 5_000
const LAST_PAUSE_MS = 300_000
/** How long a resolver must go on saying that a name is gone before its last address is given up. */
const GONE_AFTER_MS = 3_600_000
/** Questions at a time. The system's resolver takes one of the runtime's four threads for each; the store needs one too. */
const ASKED_MAX = 3
/** Twice what a configuration can name. */
const NAMES_MAX = 8_192
/** Callers that wait for one name: fetches, of which few run at a time. */
const WAITING_MAX = 64

export interface NameCacheOptions {
  readonly resolver: Resolver
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly emit: Emit
  readonly settings: () => { readonly dns: { readonly staleMs: number } }
}

type Reply = (ips: readonly string[]) => void

interface Name {
  readonly host: string
  /** Of the last good answer; empty when there was none, or it is too old. */
  ips: readonly string[]
  /** Monotonic ms: the end of the answer's own time, and when it is given up. */
  freshUntil: number
  servesUntil: number
  /** When it is asked for next, where it is kept. */
  dueAt: number
  /** In a row. "No such name" counts as one while there is an address to lose. */
  failures: number
  state: NameState | undefined
  isAsked: boolean
  isKept: boolean
  readonly waiting: Reply[]
}

/**
 * Addresses of the names in the configuration. Names that are kept are asked for again shortly before their time is over, so
 * that whoever needs one never waits. While the resolver fails an old answer serves on for `dns.stale`. "No such name" is an
 * answer and not a failure, but a wrong one costs us the mask host, and anybody on the path can forge it: it takes an hour of
 * nothing else to lose an address by it.
 */
export class NameCache {
  readonly #options: NameCacheOptions
  readonly #names = new Map<string, Name>()
  readonly #timer = new CallbackTimer(() => this.#askDue())
  #onAnswer: (host: string, ips: readonly string[]) => void = () => {}
  #asked = 0
  #isClosed = false

  constructor(options: NameCacheOptions) {
    this.#options = options
  }

  /** Names that are served after their time now. */
  get stale(): number {
    let count = 0
    for (const { state } of this.#names.values()) if (state === 'stale') count++
    return count
  }

  /**
   * From now on keeps these names and no others. `onAnswer` is told what is known of each, now and after every good answer, and
   * nothing (no addresses) when an answer is given up. A name kept no more is remembered for as long as its answer would serve.
   */
  keep(hosts: Iterable<string>, onAnswer: (host: string, ips: readonly string[]) => void): void {
    if (this.#isClosed) return
    this.#onAnswer = onAnswer
    for (const name of this.#names.values()) name.isKept = false
    for (const host of hosts) {
      const name = this.#nameOf(host)
      if (name === undefined) continue
      name.isKept = true
      if (name.ips.length > 0) onAnswer(host, name.ips)
    }
    const now = this.#options.clock.mono()
    this.#forget(({ servesUntil }) => servesUntil <= now)
    this.#askDue()
  }

  /**
   * For background work that can wait: the addresses of a host name, from memory while they are fresh, else asked for; old ones
   * when the resolver fails, none when there are none. Answers once, maybe at once, within the resolver's time limit.
   */
  lookup(host: string, reply: Reply): void {
    const name = this.#isClosed ? undefined : this.#nameOf(host)
    if (name === undefined || name.waiting.length >= WAITING_MAX) reply([])
    else if (name.ips.length > 0 && this.#options.clock.mono() < name.freshUntil) reply(name.ips)
    else {
      name.waiting.push(reply)
      this.#ask(name)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#options.wheel.disarm(this.#timer)
    for (const name of this.#names.values()) for (const reply of name.waiting.splice(0)) reply([])
  }

  #nameOf(host: string): Name | undefined {
    const known = this.#names.get(host)
    if (known !== undefined) return known
    if (this.#names.size >= NAMES_MAX) this.#forget(() => true)
    if (this.#names.size >= NAMES_MAX) return undefined
    const times = { freshUntil: 0, servesUntil: 0, dueAt: 0, failures: 0 }
    const name = { host, ips: [], ...times, state: undefined, isAsked: false, isKept: false, waiting: [] }
    this.#names.set(host, name)
    return name
  }

  /** Names that nobody keeps or waits for, and that `isDue` for it. */
  #forget(isDue: (name: Name) => boolean): void {
    for (const name of this.#names.values())
      if (!name.isKept && !name.isAsked && isDue(name)) this.#names.delete(name.host)
  }

  #askDue(): void {
    const { clock, wheel } = this.#options
    const now = clock.mono()
    let next = Infinity
    for (const name of this.#names.values()) {
      if (!name.isKept || name.isAsked) continue
      if (name.dueAt > now) next = Math.min(next, name.dueAt)
      // The others are seen to when one of these is answered.
      else if (this.#asked < ASKED_MAX) this.#ask(name)
    }
    if (next === Infinity) wheel.disarm(this.#timer)
    else wheel.arm(this.#timer, next)
  }

  #ask(name: Name): void {
    if (name.isAsked) return
    name.isAsked = true
    this.#asked++
    this.#options.resolver.query(name.host, (answer) => {
      name.isAsked = false
      this.#asked--
      if (this.#isClosed) return
      this.#take(name, answer)
      for (const reply of name.waiting.splice(0)) reply(name.ips)
      this.#askDue()
    })
  }

  #take(name: Name, answer: NameAnswer): void {
    const { clock, emit, settings } = this.#options
    const { staleMs } = settings().dns
    const now = clock.mono()
    emit({ kind: 'name-asked', host: name.host, result: answer.kind })
    if (answer.kind === 'addresses') {
      const ttlMs = Math.min(Math.max(answer.ttlSec, TTL_MIN_SEC), TTL_MAX_SEC) * 1000
      name.ips = answer.ips
      name.freshUntil = now + ttlMs
      name.servesUntil = name.freshUntil + staleMs
      name.dueAt = name.freshUntil - ttlMs / AHEAD_PART
      name.failures = 0
      this.#tell(name, 'fresh', '')
      if (name.isKept) this.#onAnswer(name.host, name.ips)
      return
    }
    // The earliest bound stays: the hour counts from the first time that the name was said to be gone.
    if (answer.kind === 'no-address')
      name.servesUntil = Math.min(name.servesUntil, now + Math.min(GONE_AFTER_MS, staleMs))
    name.dueAt = now + Math.min(FIRST_PAUSE_MS << Math.min(name.failures++, 16), LAST_PAUSE_MS)
    const why = answer.kind === 'failed' ? answer.why : 'no such name'
    if (now >= name.servesUntil) this.#giveUp(name, why)
    else {
      name.dueAt = Math.min(name.dueAt, name.servesUntil)
      if (answer.kind === 'no-address' || now >= name.freshUntil) this.#tell(name, 'stale', why)
    }
  }

  #giveUp(name: Name, why: string): void {
    const hadAddress = name.ips.length > 0
    name.ips = []
    this.#tell(name, 'gone', why)
    if (hadAddress && name.isKept) this.#onAnswer(name.host, name.ips)
  }

  #tell(name: Name, state: NameState, why: string): void {
    const before = name.state
    name.state = state
    if (state === before || (before === undefined && state === 'fresh')) return
    this.#options.emit({ kind: 'name-state', host: name.host, state, why })
  }
}
