import { Command, CommanderError, Option } from 'commander'
import { VERSION } from '../version.ts'
import { addBans } from './bans.ts'
import { addCheck } from './check.ts'
import { addControl } from './control.ts'
import { addDemo } from './demo.ts'
import { addEvents } from './events.ts'
import { CliError, EXIT } from './exit.ts'
import { addHsm } from './hsm/index.ts'
import { addLink } from './link.ts'
import { addPin } from './pin.ts'
import { addRun } from './run.ts'
import { addSecret } from './secret.ts'
import { addSessions } from './sessions.ts'
import { addSim } from './sim.ts'
import { addVaultHelper } from './vault-helper.ts'
import { addWorker } from './worker.ts'
import { say } from './output.ts'

const HELP_WIDTH = 80

/** In the order of the help. */
const COMMANDS = [
  addRun,
  addCheck,
  addSecret,
  addLink,
  addControl,
  addSessions,
  addBans,
  addEvents,
  addPin,
  addHsm,
  addSim,
  addDemo,
  addWorker,
  addVaultHelper,
]

function createProgram(): Command {
  const program = new Command('palisade')
    .description('A hardened MTProto proxy for Telegram.')
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .addOption(new Option('--runtime <runtime>', 'what runs it').choices(['auto', 'bun', 'node']).default('auto'))
    .configureHelp({ helpWidth: HELP_WIDTH, showGlobalOptions: true })
    .configureOutput({ outputError: (text) => say(oneLine(text)) })
    .exitOverride()
    .hook('preAction', (command) => requireRuntime(String(command.opts().runtime)))
    .addHelpText(
      'after',
      `
Exit codes: 0 fine, 1 a check or run failed, 2 wrong usage, 78 config wrong.

Examples:
  palisade run                        make a configuration if there is none
  palisade check                      everything that could be wrong, at once
  palisade link --host 192.0.2.1 --qr
  palisade demo                       see it work, offline`,
    )
  for (const add of COMMANDS) add(program)
  return program
}

/** The script that starts us picks the runtime; here it can only be refused. */
function requireRuntime(wanted: string): void {
  const actual = typeof Bun === 'undefined' ? 'node' : 'bun'
  if (wanted === 'auto' || wanted === actual) return
  throw new CliError(EXIT.failed, `this is ${actual}, not ${wanted}: start by bin/palisade, which picks the runtime`)
}

/** `error: unknown command 'x'` and a suggestion come in lines of their own. */
function oneLine(text: string): string {
  return `palisade: ${text
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')}`
}

/** The exit code of what went wrong, which is said here unless commander has said it. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (error instanceof CliError) {
    if (error.message !== '') say(`palisade: ${error.message}`)
    return error.exitCode
  }
  say(`palisade: ${error instanceof Error ? error.message.split('\n', 1)[0] : String(error)}`)
  return EXIT.failed
}

// A reader that went away, as in `palisade link | head -1`, is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

try {
  await createProgram().parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}
