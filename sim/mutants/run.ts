import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { caseText } from '../swarm/case.ts'
import { readCorpus } from '../swarm/corpus.ts'
import { hunt, type Hunted } from './hunt.ts'
import { MUTANTS, type Mutant } from './mutants.ts'
import { huntTable, mutantsPage, type Measured } from './table.ts'

const ROOT = join(import.meta.dirname, '../..')
const MEASURED = join(import.meta.dirname, 'measured.json')
const PAGE = join(ROOT, 'docs/mutants.md')
const WRITE = '--write'

/**
 * Plants one bug after the other into a copy of the source and lets the simulator look for it, or the tests it names: proof
 * that checkers and tests can fail. Some arguments: only the mutants whose names hold one of them. With --write each is looked for from
 * seed 1 on, and what it took goes into docs/mutants.md; else first with its case of the corpus and the seed that found it then.
 */
async function main(args: readonly string[]): Promise<void> {
  const isWritten = args.includes(WRITE)
  const wanted = args.filter((arg) => arg !== WRITE)
  const mutants = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  const measured = readMeasured()
  const waiting = [...mutants]
  const all: Hunted[] = []
  const work = async () => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const hunted = await hunt(mutant, isWritten ? [] : knownCases(mutant, measured))
      all.push(hunted)
      tell(hunted)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  const inOrder = mutants.map((mutant) => all.find((hunted) => hunted.mutant === mutant)!)
  process.stdout.write(`\n${huntTable(inOrder, measured)}\n\n`)
  if (isWritten) write(measured, all)
  const found = all.filter(({ isFound }) => isFound).length
  process.stdout.write(`${found} passed, ${mutants.length - found} failed\n`)
  process.exitCode = found === mutants.length && found > 0 ? 0 : 1
}

/** The corpus first: when its case does not show the bug any more, it has nothing more to tell, and whoever reads the output sees it. */
function knownCases({ name }: Mutant, measured: Measured): readonly string[] {
  const kept = readCorpus().filter(({ planted }) => planted === name)
  const seeds = measured[name]?.seeds
  return [...kept.map((each) => caseText(each.case)), ...(typeof seeds === 'number' ? [`seed=${seeds}`] : [])]
}

function tell({ mutant, isFound, seconds, what }: Hunted): void {
  const { invariant, name } = mutant
  process.stdout.write(`${isFound ? 'found' : 'MISSED'} ${invariant} ${name}, ${seconds.toFixed(1)} s: ${what}\n`)
}

function readMeasured(): Measured {
  return JSON.parse(readFileSync(MEASURED, 'utf8')) as Measured
}

/** Keeps what was measured before of those that were not looked for now. */
function write(before: Measured, all: readonly Hunted[]): void {
  const after = Object.fromEntries(
    MUTANTS.flatMap(({ name }) => {
      const hunted = all.find(({ mutant }) => mutant.name === name)
      if (hunted?.seeds !== undefined && hunted.seeds !== 'known case')
        return [[name, { seeds: hunted.seeds, seconds: Math.round(hunted.seconds * 10) / 10 }]]
      return hunted === undefined && name in before ? [[name, before[name]]] : []
    }),
  )
  writeFileSync(MEASURED, `${JSON.stringify(after, null, 2)}\n`)
  writeFileSync(PAGE, mutantsPage(MUTANTS, after))
}

await main(process.argv.slice(2))
