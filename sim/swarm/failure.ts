import { caseText, type Case } from './case.ts'
import type { Outcome } from './outcome.ts'
import { PLAIN } from './restrict.ts'
import type { Shrunk } from './shrink.ts'

const VIOLATIONS_SHOWN = 3
const ONLY_SEED = /^seed=(\d+)$/

/** The first violations of a run, what happened before, and the command that shows it again. */
export function failureText(outcome: Outcome, hasTrace = true): string {
  const { seed, profile, violations, last } = outcome
  const lines = violations
    .slice(0, VIOLATIONS_SHOWN)
    .map(({ invariant, what, atMs }) => `seed ${seed} (${profile}): ${invariant} after ${atMs} ms: ${what}`)
  const more = violations.length - lines.length
  return [
    ...lines,
    ...(more > 0 ? [`  and ${more} more`] : []),
    ...(hasTrace && last.length > 0 ? ['  what happened before the first:', ...last.map((line) => `    ${line}`)] : []),
    `  to see it again: ${replayCommand(outcome.case)} --trace`,
  ].join('\n')
}

/** The command that runs a case again, given as text. */
export function replayCommand(text: string): string {
  const seed = ONLY_SEED.exec(text)?.[1]
  return `palisade sim run ${seed === undefined ? `--case ${text}` : `--seed ${seed}`}`
}

/** What is left of a case, and the line by which it is kept. */
export function shrunkText({ case: one, violation, tries, isMinimal }: Shrunk): string {
  const { invariant, what, atMs } = violation
  const text = caseText(one)
  const line = JSON.stringify({ case: text, invariant, story: what })
  return [
    `seed ${one.seed} shrunk in ${tries} tries to: ${sizeText(one)}`,
    `  ${invariant} after ${atMs} ms: ${what}`,
    ...(isMinimal ? [] : ['  more could be left out: the tries were used up']),
    `  to see it: ${replayCommand(text)} --trace`,
    `  to keep it, once it is mended and its story told, as a line of fixtures/corpus/swarm.jsonl:`,
    `  ${line}`,
  ].join('\n')
}

function sizeText({ talks = [], probes = [], faults = [], secrets = 0, plain = [], untilMs }: Case): string {
  const parts = [
    `honest clients ${talks.length}`,
    `others ${probes.length}`,
    `kinds of faults ${faults.length}`,
    `secrets ${secrets}`,
    `settings made plain ${plain.length} of ${Object.keys(PLAIN).length}`,
    ...(untilMs === undefined ? [] : [`${(untilMs / 1000).toFixed(1)} s of virtual time`]),
  ]
  return parts.join(', ')
}
