import type { Command } from 'commander'
import { CliError, EXIT } from './exit.ts'
import { print, say } from './output.ts'

/** What there is to play, and whether a file can be. */
export function addScenarios(sim: Command): void {
  sim.command('scenarios').description('list the scenarios that come with Palisade').action(list)
  sim
    .command('check')
    .description('read scenario files and tell every problem: file, line, column')
    .argument('[scenario...]', 'names, or paths to .toml files (default: all that come with Palisade)')
    .action(check)
}

/** Says each of the problems of a scenario file on a line that editors understand, and ends the command; else does nothing. */
export function sayBadScenario(error: unknown): void {
  // It comes from a module that is loaded late.
  if (!(error instanceof Error) || error.constructor.name !== 'BadScenario') return
  for (const line of error.message.split('\n')) say(line)
  throw new CliError(EXIT.config)
}

async function list(): Promise<void> {
  const scenarios = await load()
  const names = scenarios.scenarioNames()
  const width = Math.max(...names.map(({ length }) => length))
  for (const name of names) print(`${name.padEnd(width)}  ${scenarios.loadScenario(name).what}`)
}

async function check(names: readonly string[]): Promise<void> {
  const scenarios = await load()
  let bad: unknown
  for (const name of names.length === 0 ? scenarios.scenarioNames() : names) {
    try {
      print(`${name}: ${scenarios.loadScenario(name).what}`)
    } catch (error) {
      bad = error
      say((error as Error).message)
    }
  }
  if (bad !== undefined) throw new CliError(EXIT.config)
}

async function load(): Promise<typeof import('../../sim/attacks.ts')> {
  return (await import(new URL('../../sim/attacks.ts', import.meta.url).href)) as typeof import('../../sim/attacks.ts')
}
