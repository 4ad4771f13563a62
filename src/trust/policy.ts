import type { Config } from '../config/schema.ts'
import { judgeChain, pinName, whyTooFew, type Digests, type Pin, type Verdict } from './pins.ts'

/** What came of one outgoing connection, as far as trust is concerned. Closed: it is a metric label. */
export const PIN_OUTCOMES = [
  /** A pin that counts now is in the chain. */
  'match',
  /** Pinning is off. */
  'off',
  /** Nobody pinned this host. */
  'unpinned',
  /** The chain has none of the pins. */
  'mismatch',
  /** The chain has a pin, but its time is over. */
  'expired',
  /** The chain has a pin, but its time has not come. */
  'not-yet-valid',
  /** Not contacted: strict mode wants two valid pins, one a backup. */
  'too-few-pins',
  /** The usual validation said no: unknown CA, wrong name, out of date. */
  'untrusted',
  /** The connection stood without a full handshake, so nobody saw a certificate. */
  'resumed',
] as const
export type PinOutcome = (typeof PIN_OUTCOMES)[number]

export interface PinSettings {
  readonly mode: 'off' | 'warn' | 'strict'
  /** By host: lower case, no dot at the end. */
  readonly pins: ReadonlyMap<string, readonly Pin[]>
}

/** A security event. One for each failure, refused or let pass with a warning. */
export interface PinFailure {
  readonly host: string
  readonly outcome: PinOutcome
  readonly isRefused: boolean
  /** One line for the operator. */
  readonly message: string
}

export interface PinCount {
  readonly host: string
  readonly outcome: PinOutcome
  readonly count: number
}

/** Hosts come from the configuration; reloads without end must not fill the memory all the same. */
const HOSTS_MAX = 1024
const OTHER_HOSTS = 'other'

/** Decides about outgoing connections, counts what came of them, and tells of every failure. */
export class PinPolicy {
  /** Replaced on reload; counts go on. */
  settings: PinSettings
  readonly #onFailure: (failure: PinFailure) => void
  readonly #counts = new Map<string, Map<PinOutcome, number>>()

  constructor(settings: PinSettings, onFailure: (failure: PinFailure) => void) {
    this.settings = settings
    this.#onFailure = onFailure
  }

  /** Before anything is sent to `host`, its name lookup included: why it must not be contacted, or undefined. */
  whyNotContact(host: string, nowSec: number): string | undefined {
    if (this.settings.mode !== 'strict') return undefined
    const why = whyTooFew(this.#pinsOf(host), nowSec)
    if (why === undefined) return undefined
    return this.fail(host, 'too-few-pins', `${host} is not contacted: ${why}`)
  }

  /** In the identity check, after the usual validation: why the connection must end, or undefined. */
  whyNotTrust(host: string, chain: readonly Digests[], nowSec: number): string | undefined {
    const { mode } = this.settings
    const pins = this.#pinsOf(host)
    if (mode === 'off') return this.#pass(host, 'off')
    // Strict mode comes here with pins alone; should it ever not, nothing matches.
    if (mode === 'warn' && pins.length === 0) return this.#pass(host, 'unpinned')
    const verdict = judgeChain(pins, chain, nowSec)
    if (verdict.outcome === 'match') return this.#pass(host, 'match')
    const message = `${host} ${whyOf(verdict, chain)}`
    if (mode === 'strict') return this.fail(host, verdict.outcome, message)
    this.#failed({ host, outcome: verdict.outcome, isRefused: false, message })
    return undefined
  }

  /** Counts and tells of a refusal, and gives back its line. */
  fail(host: string, outcome: PinOutcome, message: string): string {
    this.#failed({ host, outcome, isRefused: true, message })
    return message
  }

  counts(): PinCount[] {
    return [...this.#counts].flatMap(([host, outcomes]) =>
      [...outcomes].map(([outcome, count]) => ({ host, outcome, count })),
    )
  }

  #pinsOf(host: string): readonly Pin[] {
    return this.settings.pins.get(pinnedName(host)) ?? []
  }

  #pass(host: string, outcome: PinOutcome): undefined {
    this.#count(host, outcome)
  }

  #failed(failure: PinFailure): void {
    this.#count(failure.host, failure.outcome)
    this.#onFailure(failure)
  }

  #count(host: string, outcome: PinOutcome): void {
    const isRoom = this.#counts.has(host) || this.#counts.size < HOSTS_MAX
    const name = isRoom ? host : OTHER_HOSTS
    const outcomes = this.#counts.get(name) ?? new Map<PinOutcome, number>()
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    this.#counts.set(name, outcomes)
  }
}

function whyOf(verdict: Exclude<Verdict, { outcome: 'match' }>, [leaf]: readonly Digests[]): string {
  if (verdict.outcome === 'mismatch')
    return `shows a chain with none of its pins (its leaf has sha256/${leaf?.spki ?? 'nothing that can be read'})`
  const when = verdict.outcome === 'expired' ? 'is over' : 'has not come'
  return `shows the pin ${pinName(verdict.pin)}, whose time ${when}`
}

/** `[pinning]` as the policy takes it: several tables for one host add up. */
export function toPinSettings({ mode, pins: tables }: Config['pinning']): PinSettings {
  const pins = new Map<string, Pin[]>()
  for (const { host, spki_sha256, certificate_sha256, from, until, backup } of tables) {
    const window = { fromSec: from ?? 0, untilSec: until ?? Infinity, isBackup: backup }
    const name = pinnedName(host)
    pins.set(name, [
      ...(pins.get(name) ?? []),
      ...spki_sha256.map((digest): Pin => ({ kind: 'spki', digest, ...window })),
      ...certificate_sha256.map((digest): Pin => ({ kind: 'certificate', digest, ...window })),
    ])
  }
  return { mode, pins }
}

function pinnedName(host: string): string {
  return host.toLowerCase().replace(/\.$/, '')
}
