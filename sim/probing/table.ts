import { chanceWidth } from './auc.ts'
import { AUC_MAX, type Line, type Report } from './measure.ts'

/** The report as text, a line for each kind of probe; marked is what must hold and does not. */
export function tableOf({ known, ...report }: Report): string {
  return [
    `proxy against the site it hides behind: at most ${AUC_MAX} is allowed, 0.5 is guessing, 1 is certainty`,
    head(),
    ...judgedOf(report).map((line) => `${row(line)}${line.auc > AUC_MAX ? '   TOLD APART' : ''}`),
    '',
    'known to be told apart',
    head(),
    ...known.map(row),
  ].join('\n')
}

/** The lines that must hold and do not. */
export function failuresOf(report: Report): readonly Line[] {
  return judgedOf(report).filter(({ auc }) => auc > AUC_MAX)
}

function judgedOf({ byKind, byConfig, pooled, late, unmasked }: Omit<Report, 'known'>): readonly Line[] {
  return [...byKind, ...byConfig, pooled, late, ...unmasked]
}

function head(): string {
  return `${'probe'.padEnd(52)} ${'a class'.padStart(7)}   AUC by chance  most telling`
}

function row({ title, samples, auc, mostTelling = '' }: Line): string {
  const chance = `±${chanceWidth(samples).toFixed(3)}`
  return `${title.padEnd(52)} ${String(samples).padStart(7)} ${auc.toFixed(3)} ${chance.padStart(9)}  ${mostTelling}`.trimEnd()
}
