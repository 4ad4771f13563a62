import type { Command } from 'commander'
import { loadFile, type LoadedConfig } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import { CliError, EXIT } from './exit.ts'
import { say } from './output.ts'

export const DEFAULT_FILE = 'palisade.toml'

export interface ConfigOptions {
  readonly config?: string
  readonly set?: readonly string[]
}

export function withConfigOptions(command: Command): Command {
  return command
    .option('-c, --config <file>', `configuration (default: ${DEFAULT_FILE} in this folder)`)
    .option('--set <key=value>', 'overrides a key of the file; may be repeated', collect)
}

/** Reads the configuration; problems are said, each on its line, and end the command. */
export function loadOrExit({ config = DEFAULT_FILE, set = [] }: ConfigOptions): LoadedConfig {
  const result = loadFile(config, set)
  if (!('problems' in result)) return result
  for (const problem of result.problems) say(formatProblem(problem))
  throw new CliError(EXIT.config)
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
