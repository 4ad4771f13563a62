import type { Case } from './contract.ts'
import { suites } from './suites.ts'

/** Runs the named suites on the runtime it is started with; one JSON line a case. Usage: run.ts SUITE... */
const stray: unknown[] = []
process.on('uncaughtException', (error) => stray.push(error))
process.on('unhandledRejection', (error) => stray.push(error))

for (const suite of process.argv.slice(2)) {
  for (const one of suites[suite] ?? []) console.log(JSON.stringify({ name: one.name, error: await failureOf(one) }))
}
process.exit()

/** What a case threw, or what was thrown on its watch where nobody caught it. */
async function failureOf({ run }: Case<void>): Promise<string | undefined> {
  stray.length = 0
  try {
    await run()
  } catch (error) {
    stray.unshift(error)
  }
  if (stray.length === 0) return undefined
  const [error] = stray
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
