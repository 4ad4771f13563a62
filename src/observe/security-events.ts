import { cidrContains, formatIp, parseCidr, parseIp } from '../core/address.ts'
import type { ProxyEvent } from '../core/events.ts'
import { redactPrefix, type AddressPrivacy } from './addresses.ts'
import { securityNoteOf, type Details, type SecurityNote, type Severity } from './security-kinds.ts'

/** One thing that happened, or the same from the same network some times within a minute; as `palisade events --json` prints it. */
export interface SecurityEvent {
  /** Unix time of the first and of the last of them. */
  readonly time_sec: number
  readonly last_sec: number
  readonly count: number
  readonly severity: Severity
  readonly code: string
  /** Address, network or prefix as `log.addresses` has it; null: many, none, or not to be told. */
  readonly source: string | null
  readonly details: Details
}

/** An event and where it stands among those of other processes: monotonic ms of its last one. */
export interface PlacedEvent extends SecurityEvent {
  readonly at_ms: number
}

export interface SecurityEventsOptions {
  readonly mono: () => number
  /** Unix seconds. */
  readonly wall: () => number
  readonly addresses: AddressPrivacy
}

/** What strangers cause has a ring of its own, so that no flood of theirs washes out what was done about it. */
const REFUSALS_MAX = 600
const OTHERS_MAX = 400
/** Most that `last` has to give. */
export const SECURITY_EVENTS_MAX = REFUSALS_MAX + OTHERS_MAX
const WINDOW_MS = 60_000
/** So many networks have an event of their own for each reason and minute; what comes from others is one more. */
const NETWORKS_MAX = 8
/** The same for bans, lists and faults. */
const NAMED_MAX = 64
const TEXT_MAX = 160

/**
 * The last security events of this process, in memory of fixed size: repeated ones are counted, not kept. Under a flood of refusals
 * from any number of addresses a reason makes at most nine events a minute.
 */
export class SecurityEvents {
  readonly #options: SecurityEventsOptions
  readonly #refusals = new Ring(REFUSALS_MAX)
  readonly #others = new Ring(OTHERS_MAX)
  /** By code, which is from a closed set. */
  readonly #windows = new Map<string, Window>()

  constructor(options: SecurityEventsOptions) {
    this.#options = options
  }

  readonly emit = (event: ProxyEvent): void => {
    const note = securityNoteOf(event)
    if (note !== undefined) this.note(note)
  }

  /** The last `count`, the oldest first. */
  last(count: number): readonly PlacedEvent[] {
    const all = [...this.#refusals, ...this.#others].sort((a, b) => a.at_ms - b.at_ms)
    return all.slice(-count).map((entry) => this.#shown(entry))
  }

  /** What no event of the core tells of. */
  note(note: SecurityNote): void {
    const now = this.#options.mono()
    const { code, ip } = note
    let window = this.#windows.get(code)
    if (window === undefined) this.#windows.set(code, (window = new Window()))
    if (now - window.startMs >= WINDOW_MS) window.restart(now)
    const known = ip === undefined ? window.named(note.prefix ?? note.about ?? '') : window.from(ip)
    const isRoom = window.entries.length < (ip === undefined ? NAMED_MAX : NETWORKS_MAX)
    const entry = known ?? (isRoom ? undefined : window.rest)
    if (entry !== undefined) return entry.again(note, now, this.#options.wall())
    const made = new Entry(note, now, this.#options.wall())
    if (isRoom) window.entries.push(made)
    else {
      window.rest = made
      made.isMixed = true
    }
    const isStrangers = ip !== undefined && code !== 'session.killed'
    ;(isStrangers ? this.#refusals : this.#others).add(made)
  }

  #shown(entry: Entry): PlacedEvent {
    const { time_sec, last_sec, count, severity, code, at_ms, details } = entry
    const source = entry.source === undefined ? undefined : redactPrefix(entry.source, this.#options.addresses)
    return { time_sec, last_sec, count, severity, code, source: source ?? null, details, at_ms }
  }
}

/** Of one code: what was seen since its window began. */
class Window {
  startMs = -Infinity
  entries: Entry[] = []
  /** Of all that have none of their own. */
  rest: Entry | undefined

  restart(nowMs: number): void {
    this.startMs = nowMs
    this.entries = []
    this.rest = undefined
  }

  named(name: string): Entry | undefined {
    return this.entries.find((entry) => entry.name === name)
  }

  from(ip: string): Entry | undefined {
    // Who comes again and again is found without reading the address.
    const same = this.named(ip)
    if (same !== undefined) return same
    const bytes = parseIp(ip)
    return bytes && this.entries.find(({ network }) => network !== undefined && cidrContains(network, bytes))
  }
}

class Entry {
  readonly severity: Severity
  readonly code: string
  details: Details
  readonly name: string
  readonly network: ReturnType<typeof parseCidr>
  readonly time_sec: number
  last_sec: number
  at_ms: number
  count = 1
  /** From more than one network. */
  isMixed = false
  readonly #prefix: string | undefined
  #isOneAddress = true

  constructor({ code, severity, ip, prefix, about, details = {} }: SecurityNote, nowMs: number, wallSec: number) {
    this.severity = severity
    this.code = code
    this.details = bounded(details)
    this.name = ip ?? prefix ?? about ?? ''
    this.network = ip === undefined ? undefined : parseCidr(`${ip}/${ip.includes(':') ? 48 : 24}`)
    this.#prefix = ip ?? prefix
    this.time_sec = this.last_sec = wallSec
    this.at_ms = nowMs
  }

  /** Whole: to be redacted. */
  get source(): string | undefined {
    if (this.isMixed) return undefined
    if (this.#isOneAddress || this.network === undefined) return this.#prefix
    return `${formatIp(this.network.base)}/${this.network.bits}`
  }

  /** Once more: what it says is what the last one said. */
  again({ ip, details }: SecurityNote, nowMs: number, wallSec: number): void {
    this.count++
    this.at_ms = nowMs
    this.last_sec = wallSec
    if (ip !== undefined && ip !== this.name) this.#isOneAddress = false
    if (details !== undefined && !this.isMixed) this.details = bounded(details)
  }
}

/** The last so many, in the order they were added. */
class Ring {
  readonly #size: number
  readonly #entries: Entry[] = []
  #next = 0

  constructor(size: number) {
    this.#size = size
  }

  add(entry: Entry): void {
    this.#entries[this.#next] = entry
    this.#next = (this.#next + 1) % this.#size
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries[Symbol.iterator]()
  }
}

/** Texts come from lists and names outside. */
function bounded(details: Details): Details {
  const parts = Object.entries(details).map(([name, value]) => [name, cut(value)])
  return Object.fromEntries(parts) as Details
}

function cut(value: string | number): string | number {
  return typeof value === 'string' && value.length > TEXT_MAX ? `${value.slice(0, TEXT_MAX)}...` : value
}
