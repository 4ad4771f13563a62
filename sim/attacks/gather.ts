import type { AttacksReport, RunReport } from '../report/data.ts'
import { isHeld } from '../report/words.ts'
import type { FaultPlan } from './plan/faults.ts'
import type { Measures } from './measures.ts'
import type { Scenario } from './plan/read.ts'
import type { Span } from '../report/data.ts'
import type { Timeline } from './timeline.ts'
import { verdicts } from './judge.ts'

/** Of pages: they are read by people, and sent by mail. */
const OUTLINES_MAX = 500
const WHOLE_MAX = 24

export interface Played {
  readonly scenario: Scenario
  readonly seed: number
  readonly run: Measures
  readonly timeline: Timeline
  readonly command: string
  readonly cpuMs: number
  readonly rssBytes: number
}

/** All that a page tells of one run. */
export function reportOf({ scenario, seed, run, timeline, command, cpuMs, rssBytes }: Played): RunReport {
  return {
    ...{ about: scenario.what, seed, command, run, cpuMs, rssBytes },
    verdicts: verdicts(scenario, run),
    spans: spansOf(scenario),
    series: timeline.finish(),
    poolCeilingBytes: scenario.settings.memory.buffersBytes,
  }
}

/** What is done to the proxy, by the time of the plan. */
export function spansOf({ attack, outage, vault_outage, fault }: Scenario): readonly Span[] {
  const cut = (kind: Span['kind'], label: string) => (each: Scenario['outage'][number]) => ({
    ...{ kind, label, fromMs: each.at, toMs: each.at + each.for },
  })
  return [
    ...attack.map(({ name, kind, start, stop }): Span => ({
      ...{ kind: 'attack', label: name === kind ? name : `${name} (${kind})`, fromMs: start, toMs: stop },
    })),
    ...outage.map(cut('outage', 'the line is cut')),
    ...vault_outage.map(cut('vault-outage', 'the token of secrets is away')),
    ...fault.map((each): Span => ({
      ...{ kind: 'fault', label: faultText(each), fromMs: each.at, toMs: each.at + (each.for ?? 0) },
    })),
  ]
}

function faultText({ kind, dc, how, resource }: FaultPlan): string {
  const isAway = kind === 'dc-down' || kind === 'mask-down'
  return [
    kind,
    ...(dc === undefined ? [] : [`DC ${dc}`]),
    ...(isAway ? [how] : []),
    ...(resource === undefined ? [] : [resource]),
  ].join(', ')
}

/** Collects runs as they end, in any order, and keeps no more of them than a page shows. */
export class Gathered {
  readonly #firstSeed: number
  #runs: RunReport[] = []
  #outlines: AttacksReport['outlines'][number][] = []
  #count = 0

  constructor(firstSeed: number) {
    this.#firstSeed = firstSeed
  }

  add(report: RunReport): void {
    const { run, verdicts: found, command, cpuMs } = report
    this.#count++
    this.#outlines.push({ run, verdicts: found, command, cpuMs })
    this.#runs.push(report)
    // What fails is told before what holds, and first seeds before others: the same ones, whoever was done first.
    if (this.#runs.length > 2 * WHOLE_MAX) this.#runs = this.#best(this.#runs).slice(0, WHOLE_MAX)
    if (this.#outlines.length > 2 * OUTLINES_MAX) this.#outlines = this.#best(this.#outlines).slice(0, OUTLINES_MAX)
  }

  report(command: string, runtime: string): AttacksReport {
    const wanted = (report: RunReport) => !isHeld(report) || report.seed === this.#firstSeed
    const runs = this.#best(this.#runs).filter(wanted).slice(0, WHOLE_MAX)
    return { command, runtime, count: this.#count, outlines: this.#best(this.#outlines).slice(0, OUTLINES_MAX), runs }
  }

  #best<T extends AttacksReport['outlines'][number]>(all: readonly T[]): T[] {
    const rank = (outline: T) => (isHeld(outline) ? (outline.run.seed === this.#firstSeed ? 1 : 2) : 0)
    return [...all].sort(
      (a, b) =>
        rank(a) - rank(b) ||
        (a.run.scenario === b.run.scenario ? a.run.seed - b.run.seed : a.run.scenario < b.run.scenario ? -1 : 1),
    )
  }
}
