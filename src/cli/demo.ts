import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Option, type Command } from 'commander'
import { CliError, EXIT } from './exit.ts'
import { wholeNumber } from './numbers.ts'
import { say } from './output.ts'

interface DemoOptions {
  readonly time?: number
  readonly record?: string
}

/** How long it runs where nobody can press Ctrl-C. */
const UNATTENDED_SEC = 10
const TIME_MAX_SEC = 86_400

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('offline: a simulated Telegram, the proxy, clients and attackers, and a live picture of it')
    .addOption(
      new Option(
        '--time <seconds>',
        `how long; until Ctrl-C unless said, without a terminal ${UNATTENDED_SEC}`,
      ).argParser(wholeNumber(1, TIME_MAX_SEC)),
    )
    .option('--record <folder>', 'keep configuration, state and a trace there, for sim replay')
    .action(runDemo)
}

async function runDemo({ time, record }: DemoOptions): Promise<void> {
  const demo = (await import(new URL('../../sim/demo.ts', import.meta.url).href)) as typeof import('../../sim/demo.ts')
  // What is there already is not the demo's to overwrite.
  if (record !== undefined && existsSync(join(record, 'palisade.toml')))
    throw new CliError(EXIT.usage, `demo: ${record} holds a configuration already`)
  const timeSec = time ?? (process.stdout.isTTY ? undefined : UNATTENDED_SEC)
  const isGood = await demo.runDemo({ timeSec, record })
  if (!isGood) say('palisade: not every file came whole')
  // Its Telegram and its site go on listening.
  process.exit(isGood ? EXIT.ok : EXIT.failed)
}
