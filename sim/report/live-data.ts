import type { Judgement } from '../attacks/judge.ts'
import type { Measures } from '../attacks/measures.ts'
import type { AttackEnd } from '../attacks/tally.ts'
import type { Span } from './data.ts'
import type { Bins, GappyBins, Series } from './series.ts'

/** What happened when against a real proxy: bins of one length, ms as they passed. Plain data. */
export interface LiveSeries {
  readonly binMs: number
  readonly bins: number
  /** Attempts by the time at which they began; sockets open, the most within the bin. */
  readonly honest: Readonly<Record<'connected' | 'lost' | 'open', Bins>>
  /** By the time at which they ended, or were served. */
  readonly attack: Readonly<Record<AttackEnd | 'open', Bins>>
  readonly connectMs: Series['connectMs']
  /** Undefined: the proxy could not be asked for them. */
  readonly bans: Bins | undefined
  readonly alarms: Series['alarms']
  /** From the proxy's metrics; undefined: they could not be read. */
  readonly inside:
    Readonly<Record<'trialsPerSec' | 'bufferBytes' | 'memoryBytes' | 'cpuPercent', GappyBins>> | undefined
}

/** One run of a scenario against a real proxy. Times are the proxy's, however fast the plan was played. */
export interface LiveReport {
  /** A sentence from the scenario's file. */
  readonly about: string
  /** Where the proxy is. */
  readonly target: string
  /** Plays it again, without secrets: a page may be sent to somebody. */
  readonly command: string
  readonly runtime: string
  readonly run: Measures
  /** By group. */
  readonly ends: readonly { readonly group: string; readonly ends: Readonly<Record<AttackEnd, number>> }[]
  readonly judgements: readonly Judgement[]
  readonly spans: readonly Span[]
  readonly series: LiveSeries
  readonly hasTelegram: boolean
  readonly bansByReason: Readonly<Record<string, number>>
  /** Ms of the plan in one that passed. */
  readonly speed: number
  /** Sentences about what is not as in the file. */
  readonly remarks: readonly string[]
}
