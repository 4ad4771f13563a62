import { readdirSync, readFileSync } from 'node:fs'
import { formatProblem } from '../../../src/config/problem.ts'
import { readScenario } from '../../attacks/plan/read.ts'
import { must, type Target } from '../target.ts'

const FOLDER = new URL('../../../fixtures/scenarios/', import.meta.url)
const FILE = 'scenario.toml'

/** Scenario files: a whole one, or problems that each say where. */
export const target: Target = {
  bytesMax: 3072,
  work: { perByte: 6_000, fixed: 1_000_000 },
  seeds: () =>
    readdirSync(FOLDER)
      .filter((file) => file.endsWith('.toml'))
      .sort()
      .map((file) => readFileSync(new URL(file, FOLDER)))
      .map((bytes) => Uint8Array.from(bytes)),
  tokens: [
    '[[attack]]\n',
    '[[honest]]\n',
    '[assert]\n',
    '[config.guard]\n',
    ' = ',
    '"',
    '\n',
    '0.99',
    '"60s"',
    '"50/s"',
  ],
  run(input) {
    const text = Buffer.from(input).toString('utf8')
    const read = readScenario(text, FILE)
    if (!('problems' in read)) {
      must(read.keys.length === read.settings.secrets.length, 'a secret without a key')
      for (const { start, stop } of read.attack) must(stop > start && stop <= read.duration, 'an attack without a time')
      return read
    }
    must(read.problems.length > 0, 'refused, and nothing wrong')
    const lines = text.split(/\r\n|\n/).length
    return read.problems.map((problem) => {
      const line = formatProblem(problem)
      must(problem.file === FILE && (problem.line ?? 1) <= lines, 'a problem in another file, or behind its end')
      must(!/[\x00-\x1f\x7f]/.test(line), 'a problem of several lines, or with control characters')
      return line
    })
  },
}
