import { readFileSync } from 'node:fs'
import { readCase, type Case } from './case.ts'

/** A case that failed once. */
export interface Kept {
  readonly case: Case
  /** What it broke. */
  readonly invariant: string
  /** What was wrong, in a sentence. */
  readonly story: string
  /** Name of the planted bug (sim/mutants) that it was found with; those that real bugs left have none. */
  readonly planted?: string
}

export const CORPUS_FILE = 'fixtures/corpus/swarm.jsonl'
const CORPUS = new URL(`../../${CORPUS_FILE}`, import.meta.url)

/** All cases that are kept; throws a message that names the line of one that cannot be read. */
export function readCorpus(text = readFileSync(CORPUS, 'utf8')): readonly Kept[] {
  return text
    .split('\n')
    .map((line, at) => ({ line, number: at + 1 }))
    .filter(({ line }) => line !== '')
    .map(({ line, number }) => {
      const kept = keptOf(line)
      if (typeof kept !== 'string') return kept
      throw new Error(`${CORPUS_FILE}:${number}: ${kept}`)
    })
}

/** The entry of a line, or what is wrong with it. */
function keptOf(line: string): Kept | string {
  let found: Partial<Record<keyof Kept, unknown>>
  try {
    found = JSON.parse(line) as typeof found
  } catch {
    return 'expected an object as JSON'
  }
  const { case: text, invariant, story, planted } = found ?? {}
  const isNamed = planted === undefined || typeof planted === 'string'
  if (typeof text !== 'string' || typeof invariant !== 'string' || typeof story !== 'string' || !isNamed)
    return 'expected {"case": "seed=42", "invariant": "I1", "story": "..."}'
  const one = readCase(text)
  if ('problem' in one) return one.problem
  return { case: one, invariant, story, ...(planted === undefined ? {} : { planted }) }
}
