import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CHECKERS } from '../../../sim/checkers/index.ts'
import { MUTANTS } from '../../../sim/mutants/mutants.ts'
import { huntTable, mutantsPage, type Measured } from '../../../sim/mutants/table.ts'
import { drawOptions } from '../../../sim/scenarios/options.ts'
import { caseText } from '../../../sim/swarm/case.ts'
import { CORPUS_FILE, readCorpus } from '../../../sim/swarm/corpus.ts'
import { runCase } from '../../../sim/swarm/outcome.ts'

const ROOT = join(import.meta.dirname, '../../..')
const corpus = readCorpus()

describe('the corpus', () => {
  it('has cases, each of them once, written as a case is written', () => {
    const lines = readFileSync(join(ROOT, CORPUS_FILE), 'utf8').trimEnd().split('\n')
    expect(corpus.length).toBeGreaterThan(5)
    expect(lines.map((line) => (JSON.parse(line) as { case: string }).case)).toEqual(
      corpus.map((kept) => caseText(kept.case)),
    )
    expect(new Set(corpus.map((kept) => caseText(kept.case))).size).toBe(corpus.length)
  })

  it.each(corpus.map((kept) => ({ ...kept, text: caseText(kept.case) })))('holds again: $text', (kept) => {
    expect(runCase(kept.case).violations).toEqual([])
    expect([...Object.keys(CHECKERS), 'I13']).toContain(kept.invariant)
    expect(kept.story).toMatch(/^[A-Z].{20,}\.$/)
    // What it names must be there still, or it is not the case that it was.
    const drawn = drawOptions(kept.case.seed)
    for (const fault of kept.case.faults ?? []) expect(drawn.faults).toContain(fault)
    if (kept.planted !== undefined) expect(MUTANTS.map(({ name }) => name)).toContain(kept.planted)
  })

  it.each([
    ['{', /swarm\.jsonl:2: expected an object as JSON/],
    ['null', /swarm\.jsonl:2: expected \{"case"/],
    ['{"case": "seed=1", "invariant": "I1"}', /swarm\.jsonl:2: expected \{"case"/],
    ['{"case": "seed=1,x=2", "invariant": "I1", "story": "s"}', /swarm\.jsonl:2: case: expected parts/],
  ])('says in which line it is wrong: %s', (line, why) => {
    const good = '{"case": "seed=1", "invariant": "I1", "story": "s"}'
    expect(readCorpus(`${good}\n`)).toEqual([{ case: { seed: 1 }, invariant: 'I1', story: 's' }])
    expect(() => readCorpus(`${good}\n${line}\n`)).toThrow(why)
  })
})

describe('the table of planted bugs', () => {
  it('says how many seeds it took, what else found it, or that nothing did', () => {
    const [one, two, three] = MUTANTS
    const hunted = { isFound: true, seconds: 3.14, what: '' }
    const lines = huntTable(
      [
        { ...hunted, mutant: one, seeds: 'known case' },
        { ...hunted, mutant: two, seeds: 'test' },
        { ...hunted, mutant: three, isFound: false, seeds: undefined },
      ],
      { [one.name]: { seeds: 17, seconds: 2 } },
    ).split('\n')
    expect(lines.map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['bug', 'seeds', 'invariant', 'seconds'],
      [one.name, '17 (known case)', one.invariant, '3.1'],
      [two.name, 'test', two.invariant, '3.1'],
      [three.name, 'MISSED', three.invariant, '3.1'],
    ])
  })
})

describe('the page of planted bugs', () => {
  it('is the one that the mutants and what was measured make: npm run sim:mutants -- --write "a name"', () => {
    const measured = JSON.parse(readFileSync(join(ROOT, 'sim/mutants/measured.json'), 'utf8')) as Measured
    const page = readFileSync(join(ROOT, 'docs/mutants.md'), 'utf8')
    for (const { name } of MUTANTS) expect(page).toContain(`| ${name} |`)
    expect(page).toBe(mutantsPage(MUTANTS, measured))
  })
})
