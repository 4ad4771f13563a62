import type { Hunted } from './hunt.ts'
import type { Mutant } from './mutant.ts'

/** What it took to find each mutant, by name, as it was measured last from seed 1 on. */
export type Measured = Readonly<Record<string, { readonly seeds: number | 'test'; readonly seconds: number }>>

/** The table that a run ends with; of what a known case found it says how many seeds it took when it was measured. */
export function huntTable(hunted: readonly Hunted[], measured: Measured): string {
  const head = ['bug', 'seeds', 'invariant', 'seconds']
  const rows = hunted.map(({ mutant, seeds = 'MISSED', seconds }) => [
    mutant.name,
    seeds === 'known case' ? `${measured[mutant.name]?.seeds ?? '?'} (known case)` : String(seeds),
    mutant.invariant,
    seconds.toFixed(1),
  ])
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at].length)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at])))
      .join('  ')
      .trimEnd()
  return [head, ...rows].map(line).join('\n')
}

/** docs/mutants.md. */
export function mutantsPage(mutants: readonly Mutant[], measured: Measured): string {
  const rows = mutants.map(({ name, invariant, file }) => {
    const { seeds, seconds } = measured[name] ?? { seeds: 'not run yet', seconds: undefined }
    return `| ${escaped(name)} | ${invariant} | ${seeds} | ${seconds?.toFixed(1) ?? ''} | ${file} |`
  })
  const bySeed = Object.values(measured).flatMap(({ seeds }) => (seeds === 'test' ? [] : [seeds]))
  return `# Planted bugs

Written by \`npm run sim:mutants -- --write\`. Each bug is planted into a copy of the source by itself, and must be found by the
checker of the invariant beside it: proof that checkers can fail. Of ${mutants.length} bugs, ${bySeed.length} were found by seeds,
half of them within the first ${median(bySeed)}.

- "Seeds" is how many seeds were run, from seed 1 on, until the first that showed it, out of at most 2,000: the last one run is the one that
  found it. Runs without \`--write\` begin with that seed ("known case"), and search from 1 only when it finds nothing any more.
  "test": the simulator has no such part, and tests of that part must fail.
- "Seconds" include copying the tree and starting a process, on one of two cores.

| bug | invariant | seeds | seconds | planted in |
|---|---|--:|--:|---|
${rows.join('\n')}
`
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|')
}
