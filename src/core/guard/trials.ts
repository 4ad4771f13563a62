import type { SecretId } from '../ports.ts'
import type { TrialTable } from './trial-table.ts'

/** Trials a prefix may cost us in vain: this many at once, refilled over `REFILL_MS`. One trial is about 6 us. */
export const TRIALS_BURST = 256
export const REFILL_MS = 10_000
const MS_PER_TRIAL = REFILL_MS / TRIALS_BURST
/** Of a grey source. */
const GREY_MS = REFILL_MS / 4
/** With few secrets under one host name all of them are tried; with many, the name narrows nothing down. */
export const PREFERRED_MAX = 4
const TURN_MS = 60_000
/** 2^32 by the golden ratio: its multiples lie apart. */
const GOLDEN = 0x9e3779b1

/** What stands for a secret to all workers: ids are each process's own. */
export interface SecretMarks {
  markOf(id: SecretId): number
  byMark(mark: number): SecretId | undefined
}

/** Secrets to try, and what was paid for all of them in advance. */
export interface Trials {
  readonly candidates: readonly SecretId[]
  readonly paidMs: number
  /** Monotonic ms. */
  readonly atMs: number
}

/**
 * Which secrets are tried on a hello, and in which order (I6). Trying many secrets on garbage is the proxy's own amplifier,
 * so beyond the host's own secrets and the one this prefix used last, trials are paid from a budget that failures use up. It
 * holds over all workers, whatever they try at the same moment: trials are paid in advance, and given back where they were not
 * needed. Where a prefix has several hellos under way at once, a later one may so find less than there will be a moment later.
 *
 * Where there are more secrets than a budget, a hello goes on where the prefix's last one stopped, so that whoever comes again is
 * known in the end, whichever secret is his.
 */
export class TrialBudget {
  readonly #table: TrialTable
  readonly #secrets: () => SecretMarks

  constructor({ table, secrets }: { readonly table: TrialTable; readonly secrets: () => SecretMarks }) {
    this.#table = table
    this.#secrets = secrets
  }

  /**
   * `preferred` are the secrets of the host the client named, `all` those that could match at all; `now` is monotonic ms. A source
   * that is grey may fail less before only the secrets that are tried always are left to it.
   */
  take(ip: string, preferred: readonly SecretId[], all: readonly SecretId[], now: number, isGrey = false): Trials {
    const entry = this.#table.lock(this.#table.markOf(ip), now)
    const debtMs = this.#debtMs(entry, now)
    const leftMs = Math.max(0, (isGrey ? GREY_MS : REFILL_MS) - debtMs)
    const always = all.length <= 1 ? all : this.#always(entry, preferred, all)
    const rest = all.length <= 1 ? [] : all.filter((id) => !always.includes(id))
    const candidates = [...always, ...some(rest, Math.floor(leftMs / MS_PER_TRIAL), now + debtMs)]
    // What is tried always is paid for as far as there is anything left.
    const paidMs = Math.min(candidates.length * MS_PER_TRIAL, leftMs)
    this.#table.paidMs[entry] = now + debtMs + paidMs
    this.#table.unlock(entry)
    return { candidates, paidMs, atMs: now }
  }

  /**
   * After the vault answered, once: a match is remembered and costs nothing, and neither does what was not tried. A secret that is
   * being rotated has more keys than one: what is tried beyond one a candidate was not paid in advance, and is owed now.
   */
  settle(
    ip: string,
    { candidates, paidMs, atMs }: Trials,
    spent: number,
    matched: SecretId | undefined,
    now: number,
  ): void {
    const unusedMs = matched === undefined ? paidMs - spent * MS_PER_TRIAL : paidMs
    // What time has paid meanwhile is not given back as well.
    const backMs = Math.max(0, unusedMs - Math.max(0, now - atMs))
    const owedMs = matched === undefined ? Math.max(0, spent - candidates.length) * MS_PER_TRIAL : 0
    if (backMs === 0 && owedMs === 0 && matched === undefined) return
    const entry = this.#table.lock(this.#table.markOf(ip), now)
    this.#table.paidMs[entry] -= backMs
    const debtMs = this.#debtMs(entry, now)
    if (owedMs > 0 && debtMs < REFILL_MS) this.#table.paidMs[entry] = now + Math.min(REFILL_MS, debtMs + owedMs)
    if (matched !== undefined) this.#table.last[entry] = this.#secrets().markOf(matched)
    this.#table.unlock(entry)
  }

  takeBack(column: number): void {
    this.#table.takeBack(column)
  }

  #always(entry: number, preferred: readonly SecretId[], all: readonly SecretId[]): readonly SecretId[] {
    const always = preferred.length <= PREFERRED_MAX ? [...preferred] : []
    const last = this.#secrets().byMark(this.#table.last[entry])
    if (last !== undefined && all.includes(last) && !always.includes(last)) always.unshift(last)
    return always
  }

  /** A bit more than one refill where another worker is a tick ahead of us; what lies further off is none. */
  #debtMs(entry: number, now: number): number {
    const debtMs = this.#table.paidMs[entry] - now
    return debtMs > 0 && debtMs <= 2 * REFILL_MS ? debtMs : 0
  }
}

/**
 * At most `count` of them. How far time is paid grows by what is tried, so it also says where to go on. Each minute begins
 * elsewhere: who comes again at a steady pace would else find the same ones tried each time.
 */
function some(rest: readonly SecretId[], count: number, paidUntilMs: number): readonly SecretId[] {
  if (count >= rest.length) return rest
  const turn = Math.imul(Math.floor(paidUntilMs / TURN_MS), GOLDEN) >>> 0
  const from = (Math.floor(paidUntilMs / MS_PER_TRIAL) + turn) % rest.length
  return [...rest.slice(from), ...rest.slice(0, from)].slice(0, count)
}
