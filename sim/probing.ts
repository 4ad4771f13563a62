import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { measure } from './probing/measure.ts'
import { failuresOf, tableOf } from './probing/table.ts'

/** Prints how well a decision tree tells the proxy from its mask host; fails where it does better than it may. */
function main(): void {
  const options = { seed: { type: 'string', default: '1' }, each: { type: 'string', default: '500' } } as const
  const { values } = parseArgs({ options })
  const [seed, each] = [values.seed, values.each].map(Number)
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(each) || each < 20) {
    process.stderr.write(
      '--seed takes a whole number, --each (samples of a kind, class and configuration) one from 20 on\n',
    )
    process.exitCode = 2
    return
  }
  const report = measure({ seed, each })
  const failed = failuresOf(report).length
  process.stdout.write(`${tableOf(report)}\n${failed === 0 ? '1 passed, 0 failed' : `0 passed, ${failed} failed`}\n`)
  if (failed > 0) process.exitCode = 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
