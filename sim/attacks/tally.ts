import { cidrContains, parseCidr, parseIp } from '../../src/core/address.ts'
import type { ProxyEvent } from '../../src/core/events.ts'
import type { TalkEnd } from './visitor.ts'
import type { Truth } from './truth.ts'

/** How often each reason was given. */
export type Counts = Record<string, number>

/** Told of each honest attempt when it is decided: its start, and how long it took to an answer, if it came to one; ms. */
export type OnAttempt = (startMs: number, connectMs: number | undefined) => void

/**
 * What a connection of an attacker came to, as the attacker sees it. `served`: answered as a client is; `answered`: by other bytes,
 * such as a web site's; `closed`: by the other side, before a byte; `silent`: nothing came for as long as he stayed; `unmade`: no
 * connection.
 */
export type AttackEnd = 'served' | 'answered' | 'closed' | 'silent' | 'unmade'

/** Told of each connection of an attacker once, with his group: when it is over, and of one that is served as soon as it is. */
export type OnAttackEnd = (group: string, end: AttackEnd) => void

/** Of one group of honest users. */
export class HonestTally {
  readonly name: string
  attempts = 0
  connected = 0
  wantedBytes = 0
  gotBytes = 0
  readonly lost: Counts = {}
  /** From the dial to the first answer, of those that got one. */
  readonly connectMs: number[] = []
  /** When an attempt that failed was begun, ms since the start. */
  readonly lostAt: number[] = []
  readonly #onAttempt: OnAttempt | undefined

  constructor(name: string, onAttempt?: OnAttempt) {
    this.name = name
    this.#onAttempt = onAttempt
  }

  /** An attempt got its first answer; `startMs` is when it was begun. */
  succeeded(afterMs: number, startMs: number): void {
    this.#onAttempt?.(startMs, afterMs)
    this.attempts++
    this.connected++
    this.connectMs.push(afterMs)
  }

  /** A connection is over; `startMs` is when it was begun. */
  ended({ outcome, isConnected, wantedBytes, gotBytes }: TalkEnd, startMs: number): void {
    this.gotBytes += gotBytes
    this.wantedBytes += wantedBytes
    if (isConnected) return
    this.#onAttempt?.(startMs, undefined)
    this.attempts++
    this.lostAt.push(startMs)
    count(this.lost, outcome)
  }

  /** A user left for another network: what has not come by then is nobody's fault. */
  moved({ gotBytes }: TalkEnd): void {
    this.wantedBytes += gotBytes
    this.gotBytes += gotBytes
  }
}

/** Of one group of attackers. */
export class AttackTally {
  readonly name: string
  connections = 0
  /** Those that were answered as a client is. */
  served = 0
  gotBytes = 0
  /** Of the connection that got most. */
  gotMost = 0
  /** Connections on which secrets were tried, and how many trials that were. */
  tried = 0
  trials = 0
  /** Relayed to the mask host and back. */
  maskedBytes = 0
  readonly rejected: Counts = {}
  readonly closed: Counts = {}
  readonly #onEnd: OnAttackEnd | undefined

  constructor(name: string, onEnd?: OnAttackEnd) {
    this.name = name
    this.#onEnd = onEnd
  }

  /** Somebody was answered as a client is. */
  wasServed(): void {
    this.served++
    this.#onEnd?.(this.name, 'served')
  }

  /** A connection that was not served is over. */
  ended(end: Exclude<AttackEnd, 'served'>): void {
    this.#onEnd?.(this.name, end)
  }

  /** A connection is over on which bytes were counted as they came. */
  got(bytes: number): void {
    this.gotBytes += bytes
    this.gotMost = Math.max(this.gotMost, bytes)
  }
}

/** Adds up what the proxy says over a run, by whose it really was. */
export class Tally {
  readonly honest = new Map<string, HonestTally>()
  readonly attack = new Map<string, AttackTally>()
  /** What the proxy said about honest clients that it did not take. */
  readonly honestRejected: Counts = {}
  readonly bans: { readonly atMs: number; readonly prefix: string; readonly reason: string }[] = []
  /** When a detector spoke of an attack, and which. */
  readonly alarms: { readonly atMs: number; readonly what: string }[] = []
  faults = 0

  event(event: ProxyEvent, atMs: number, truth: Truth | undefined): void {
    const attack = truth?.side === 'attack' ? this.attack.get(truth.group) : undefined
    if (event.kind === 'rejected') {
      count(attack?.rejected ?? this.honestRejected, event.reason)
      if (attack !== undefined && event.trials > 0) {
        attack.tried++
        attack.trials += event.trials
      }
    } else if (event.kind === 'closed' && attack !== undefined) {
      count(attack.closed, event.reason)
      if (event.outcome === 'masked') attack.maskedBytes += event.fromClientBytes + event.toClientBytes
    } else if (event.kind === 'banned') this.bans.push({ atMs, prefix: event.prefix, reason: event.reason })
    else if (event.kind === 'fault') this.faults++
    else if (event.kind === 'attack' && event.state !== 'over') this.alarms.push({ atMs, what: event.detector })
  }

  /** Which of these addresses were banned at some time. */
  bannedOf(ips: Iterable<string>): number {
    const ranges = [...new Set(this.bans.map(({ prefix }) => prefix))].flatMap((text) => parseCidr(text) ?? [])
    if (ranges.length === 0) return 0
    let banned = 0
    for (const ip of ips) {
      const bytes = parseIp(ip)
      if (bytes !== undefined && ranges.some((range) => cidrContains(range, bytes))) banned++
    }
    return banned
  }
}

export function count(counts: Counts, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1
}
