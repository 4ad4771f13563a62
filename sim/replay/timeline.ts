import { formatIp } from '../../src/core/address.ts'
import type { CloseReason, Mode, OverloadLevel, OverloadResource, RejectReason } from '../../src/core/events.ts'
import type { AccessLevel } from '../../src/core/guard/access/levels.ts'
import type { BanReason } from '../../src/core/guard/sources/bans.ts'
import type { EncryptedPrefix, TraceRecord, TraceStart } from '../../src/observe/trace/layout.ts'
import { readRecordedConfig, turnRanges, type RecordedConfig } from '../../src/observe/trace/recorded.ts'

/** One file as it was read; its first record is its start. */
export interface TracePart {
  readonly start: TraceStart
  readonly records: readonly TraceRecord[]
}

/** One connection as it was recorded. */
export interface Visit {
  /** Into `Timeline.runs`. */
  readonly run: number
  readonly atMs: number
  /** Of its address, or of the pseudonym of it. */
  readonly ip: string
  readonly bytes: Uint8Array
  readonly level: AccessLevel
  /** Into `Timeline.configs`: what was in force when it came. */
  readonly config: number
  /** What the guard said when it came and when it spoke; with `dry_run` to no effect. */
  judged: RejectReason | undefined
  /** By the name of the secret that it knew. */
  user: string | undefined
  /** By the limits of its user. */
  keptOut: RejectReason | undefined
  mode: Mode | undefined
  rejected: RejectReason | undefined
  /** Secrets that were tried in vain, or before something else spoke against it. */
  trials: number
  relayingMs: number | undefined
  /** Of the recording's end, for one that was open then. */
  closedMs: number
  closed: CloseReason | undefined
  fromClientBytes: number
  toClientBytes: number
}

/** What happened, in order. `visit` is a place in `Timeline.visits`. */
export type Happening = { readonly atMs: number; readonly run: number } & (
  | {
      readonly kind: 'judged' | 'greeted' | 'kept-out' | 'entered' | 'rejected' | 'relaying' | 'closed'
      readonly visit: number
    }
  | { readonly kind: 'config'; readonly config: number }
  | {
      readonly kind: 'banned'
      readonly prefix: EncryptedPrefix
      readonly reason: BanReason
      readonly forMs: number
      readonly times: number
      /** It stood already when the recording began. */
      readonly isOld: boolean
    }
  | { readonly kind: 'unbanned'; readonly prefix: EncryptedPrefix }
  | { readonly kind: 'overload'; readonly resource: OverloadResource; readonly level: OverloadLevel }
)

export interface Timeline {
  readonly runs: readonly string[]
  readonly configs: readonly RecordedConfig[]
  readonly visits: readonly Visit[]
  readonly happenings: readonly Happening[]
  /** Monotonic ms of the first machine, and the unix second at the first of them. */
  readonly fromMs: number
  readonly untilMs: number
  readonly fromSec: number
  readonly lost: number
}

export type Decrypt = (ip: Uint8Array) => Uint8Array

/** Clocks of one machine start agree within this, unless somebody set the wall clock. */
const SAME_BOOT_MS = 5_000

/**
 * Files of any number of processes and runs as one course of time. Where `decrypt` is not given, addresses are pseudonyms and the ranges of
 * recorded rules are about those very pseudonyms. Throws where a configuration cannot be read.
 */
export function timelineOf(parts: readonly TracePart[], decrypt: Decrypt = (ip) => ip): Timeline {
  const sorted = [...parts].sort((a, b) => bootMs(a) + a.start.monoMs - (bootMs(b) + b.start.monoMs))
  if (sorted.length === 0) throw new Error('there is nothing to replay')
  const [first] = sorted
  const builder = new Builder(decrypt)
  for (const part of sorted) {
    const isSameBoot = Math.abs(bootMs(part) - bootMs(first)) < SAME_BOOT_MS
    builder.add(part, isSameBoot ? part.start.monoMs : 1000 * part.start.wallSec - bootMs(first), part === first)
  }
  return builder.done(first)
}

/** When its machine started, by the wall clock. */
function bootMs({ start }: TracePart): number {
  return 1000 * start.wallSec - start.monoMs
}

class Builder {
  readonly #decrypt: Decrypt
  readonly #texts = new Map<string, { readonly text: string; readonly bytes: Uint8Array }>()
  readonly #runs: string[] = []
  readonly #configs: RecordedConfig[] = []
  readonly #visits: Visit[] = []
  readonly #happenings: Happening[] = []
  /** Of each run: its open connections, the configuration in force, records lost. */
  readonly #open: Map<number, number>[] = []
  readonly #inForce: number[] = []
  readonly #lost: number[] = []
  readonly #lastMs: number[] = []

  constructor(decrypt: Decrypt) {
    this.#decrypt = decrypt
  }

  add({ start, records }: TracePart, startMs: number, isFirst: boolean): void {
    const run = this.#runOf(start.run)
    for (const record of records) {
      const atMs = startMs + record.atMs
      this.#lastMs[run] = Math.max(this.#lastMs[run], atMs)
      if (record.kind === 'config') this.#config(run, atMs, record.config)
      else if (record.kind === 'judged') this.#judged(run, atMs, record)
      else if ('connection' in record) this.#ofVisit(run, atMs, record)
      else this.#other(run, atMs, record, isFirst)
    }
  }

  done(first: TracePart): Timeline {
    this.#open.forEach((open, run) => this.#endRun(open, run))
    this.#happenings.sort((a, b) => a.atMs - b.atMs)
    const untilMs = Math.max(...this.#lastMs)
    return {
      ...{ runs: this.#runs, configs: this.#configs, visits: this.#visits, happenings: this.#happenings },
      ...{ fromMs: first.start.monoMs, untilMs, fromSec: first.start.wallSec },
      lost: this.#lost.reduce((sum, each) => sum + each, 0),
    }
  }

  #runOf(name: string): number {
    const known = this.#runs.indexOf(name)
    if (known >= 0) return known
    this.#open.push(new Map())
    this.#inForce.push(-1)
    this.#lost.push(0)
    this.#lastMs.push(0)
    return this.#runs.push(name) - 1
  }

  #config(run: number, atMs: number, json: unknown): void {
    const config = readRecordedConfig(json)
    if (config === undefined) throw new Error('the configuration it was recorded with cannot be read')
    // Ranges of its rules are encrypted as addresses are.
    const access = { ...config.access, ...turnRanges(config.access, this.#decrypt) }
    const known = this.#configs.findIndex(({ digest }) => digest === config.digest)
    this.#inForce[run] = known >= 0 ? known : this.#configs.push({ ...config, access }) - 1
    this.#happenings.push({ kind: 'config', atMs, run, config: this.#inForce[run] })
  }

  #judged(run: number, atMs: number, record: TraceRecord & { kind: 'judged' }): void {
    const { connection, ip, level, refusal } = record
    const { text, bytes } = this.#address(ip)
    const visit = this.#visits.push({
      ...{ run, atMs, ip: text, bytes, level, config: this.#inForce[run], judged: refusal },
      ...{ user: undefined, keptOut: undefined, mode: undefined, rejected: undefined, relayingMs: undefined },
      trials: 0,
      ...{ closedMs: atMs, closed: undefined, fromClientBytes: 0, toClientBytes: 0 },
    })
    this.#open[run].set(connection, visit - 1)
    this.#happenings.push({ kind: 'judged', atMs, run, visit: visit - 1 })
  }

  /** One whose beginning is in no file is passed over. */
  #ofVisit(run: number, atMs: number, record: Extract<TraceRecord, { connection: number }>): void {
    const at = this.#open[run].get(record.connection)
    if (at === undefined) return
    const visit = this.#visits[at]
    switch (record.kind) {
      case 'greeted':
        visit.judged ??= record.refusal
        break
      case 'kept-out':
        visit.user = this.#nameOf(run, record.user)
        visit.keptOut = record.reason
        break
      case 'entered':
        visit.user = this.#nameOf(run, record.user)
        break
      case 'authenticated':
        visit.mode = record.mode
        return
      case 'rejected':
        visit.rejected = record.reason
        visit.trials = record.trials
        break
      case 'relaying':
        visit.relayingMs = atMs
        break
      case 'closed':
        visit.closedMs = atMs
        visit.closed = record.reason
        visit.fromClientBytes = record.fromClientBytes
        visit.toClientBytes = record.toClientBytes
        this.#open[run].delete(record.connection)
        break
      case 'judged':
        return
    }
    this.#happenings.push({ kind: record.kind, atMs, run, visit: at })
  }

  #other(run: number, atMs: number, record: TraceRecord, isFirst: boolean): void {
    if (record.kind === 'lost') this.#lost[run] = record.records
    else if (record.kind === 'overload') {
      const { resource, level } = record
      this.#happenings.push({ kind: 'overload', atMs, run, resource, level })
    } else if (record.kind === 'unbanned')
      this.#happenings.push({ kind: 'unbanned', atMs, run, prefix: this.#range(record) })
    else if (record.kind === 'banned') {
      const { reason, forMs, times } = record
      const isOld = isFirst && record.atMs === 0
      this.#happenings.push({ kind: 'banned', atMs, run, prefix: this.#range(record), reason, forMs, times, isOld })
    }
  }

  /** Connections that were open when it was cut off, or when its process died, are over with it. */
  #endRun(open: ReadonlyMap<number, number>, run: number): void {
    const atMs = this.#lastMs[run]
    for (const visit of open.values()) {
      this.#visits[visit].closedMs = atMs
      this.#happenings.push({ kind: 'closed', atMs, run, visit })
    }
  }

  #nameOf(run: number, user: number): string | undefined {
    return user === 0 ? undefined : this.#configs[this.#inForce[run]].users.at(user - 1)?.name
  }

  #address(ip: Uint8Array): { readonly text: string; readonly bytes: Uint8Array } {
    const key = ip.join('.')
    const known = this.#texts.get(key)
    if (known !== undefined) return known
    const bytes = this.#decrypt(ip)
    const made = { text: formatIp(bytes), bytes }
    this.#texts.set(key, made)
    return made
  }

  #range({ ip, bits }: EncryptedPrefix): EncryptedPrefix {
    return { ip: this.#decrypt(ip), bits }
  }
}
