import { FIGURES, goalFor, isMet, type ProxyMode } from './goals.ts'
import type { Way, Workload } from './load/job.ts'
import type { Comparison } from './stats.ts'

export type RuntimeName = 'bun' | 'node'

export interface Row {
  readonly runtime: RuntimeName
  readonly workload: Workload
  readonly way: Way
  readonly mode: ProxyMode
  readonly comparison: Comparison
  readonly rounds: number
}

const HEAD = ['workload', 'way', 'mode', 'unit', 'relay', 'proxy', 'ratio', 'rounds from..to', 'goal', ''] as const

/** What the proxy costs beside the relay. Goals stand beside Bun's rows only. */
export function table(rows: readonly Row[]): string {
  return tableOf(HEAD, rows.map(cellsOf))
}

/** A Markdown table that also reads well in a terminal: columns are padded. Every row has as many cells as `head`. */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, 2, ...rows.map((row) => row[column].length)))
  const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

function cellsOf({ runtime, workload, way, mode, comparison, rounds }: Row): string[] {
  const { relay, proxy, ratio, ratioMin, ratioMax } = comparison
  const goal = runtime === 'bun' ? goalFor(way, workload, mode) : undefined
  return [
    FIGURES[workload].title,
    way,
    mode,
    FIGURES[workload].unit,
    amount(relay),
    amount(proxy),
    ratio.toFixed(2),
    rounds === 1 ? '1 round' : `${ratioMin.toFixed(2)}..${ratioMax.toFixed(2)}`,
    goal === undefined ? '' : goal.kind === 'ratio' ? goal.max.toFixed(2) : `${goal.max} KB`,
    goal === undefined ? '' : isMet(goal, comparison) ? 'met' : 'missed',
  ]
}

/** Three digits that matter. */
function amount(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
