import { parseIp } from '../address.ts'
import { BoundedTable } from '../memory/table.ts'
import type { Random, SecretId } from '../ports.ts'

/** Prefixes remembered; 32 bytes each. */
const ENTRIES = 65_536
/** Failed trials a prefix may cost us: this many at once, refilled over `REFILL_MS`. One trial is about 6 us. */
export const TRIALS_BURST = 256
const REFILL_MS = 10_000
const MS_PER_TRIAL = REFILL_MS / TRIALS_BURST
/** With few secrets under one host name all of them are tried; with many, the name narrows nothing down. */
const PREFERRED_MAX = 4

const LAST_SECRET = 0
/** Milliseconds of debt at the time in the next column. */
const DEBT_UNTIL = 1

/**
 * Which secrets are tried on a hello, and in which order (I6). Trying many secrets on garbage is the proxy's own amplifier,
 * so beyond the host's own secrets and the one this prefix used last, trials are paid from a budget that failures use up.
 */
export class TrialBudget {
  readonly #table: BoundedTable
  /** Time in the table's 32 bits is counted from here. */
  #epoch: number | undefined

  constructor({ random, entries = ENTRIES }: { readonly random: Random; readonly entries?: number }) {
    this.#table = new BoundedTable({ random, entries, columns: 2 })
  }

  /** `preferred` are the secrets of the host the client named, `all` those that could match at all; `now` is monotonic ms. */
  candidates(ip: string, preferred: readonly SecretId[], all: readonly SecretId[], now: number): readonly SecretId[] {
    if (all.length <= 1) return all
    const entry = this.#table.find(prefixOf(ip))
    const last = entry < 0 ? undefined : this.#table.get(entry, LAST_SECRET) - 1
    const always = preferred.length <= PREFERRED_MAX ? [...preferred] : []
    if (last !== undefined && all.includes(last) && !always.includes(last)) always.unshift(last)
    const budget = entry < 0 ? TRIALS_BURST : this.#left(entry, now)
    if (budget <= 0) return always
    const rest = all.filter((id) => !always.includes(id))
    return [...always, ...rest.slice(0, budget)]
  }

  /** After the vault answered: a match is remembered, failed trials are charged. */
  spent(ip: string, trials: number, matched: SecretId | undefined, now: number): void {
    const entry = this.#table.findOrAdd(prefixOf(ip))
    if (matched !== undefined) {
      this.#table.set(entry, LAST_SECRET, matched + 1)
      return
    }
    const debtMs = Math.min(this.#debtMs(entry, now) + Math.ceil(trials * MS_PER_TRIAL), REFILL_MS)
    this.#table.set(entry, DEBT_UNTIL, (this.#since(now) + debtMs) | 0)
  }

  #left(entry: number, now: number): number {
    return Math.floor((REFILL_MS - this.#debtMs(entry, now)) / MS_PER_TRIAL)
  }

  /** Differences survive the wrap after 24 days; what lies further off than a debt can be is none. */
  #debtMs(entry: number, now: number): number {
    const debtMs = (this.#table.get(entry, DEBT_UNTIL) - this.#since(now)) | 0
    return debtMs > 0 && debtMs <= REFILL_MS ? debtMs : 0
  }

  #since(now: number): number {
    this.#epoch ??= now
    return (now - this.#epoch) | 0
  }
}

/** Who shares a budget: a /24 of IPv4, a /64 of IPv6, as its bytes. */
export function prefixOf(ip: string): Uint8Array {
  const bytes = parseIp(ip) ?? new Uint8Array(4)
  return bytes.subarray(0, bytes.length === 4 ? 3 : 8)
}
