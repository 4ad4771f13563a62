import type { Command } from 'commander'
import { loadFile } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import { createResolver } from '../runtime/dns/index.ts'
import { createRuntime } from '../runtime/index.ts'
import { PinPolicy, toPinSettings } from '../trust/policy.ts'
import { CHECKS } from './checks/index.ts'
import type { Finding } from './checks/finding.ts'
import { DEFAULT_FILE, withConfigOptions, type ConfigOptions } from './config-file.ts'
import { CliError, EXIT } from './exit.ts'
import { hasColour, print } from './output.ts'

interface CheckOptions extends ConfigOptions {
  readonly json?: true
}

const COLOURS = { ok: '32', warn: '33', fail: '31' } as const

export function addCheck(program: Command): void {
  withConfigOptions(program.command('check').description('look for everything that could be wrong'))
    .option('--json', 'for scripts')
    .addHelpText('after', '\nExits with 78 when the configuration is wrong, with 1 when another check failed.')
    .action(check)
}

async function check(options: CheckOptions): Promise<void> {
  const { config: file = DEFAULT_FILE, set = [] } = options
  const result = loadFile(file, set)
  if ('problems' in result) {
    report(
      result.problems.map((problem) => ({ level: 'fail', check: 'config', message: formatProblem(problem) })),
      options,
    )
    throw new CliError(EXIT.config)
  }
  const warnings = result.warnings.map((problem): Finding => ({
    level: 'warn',
    check: 'config',
    message: formatProblem(problem),
  }))
  const count = result.config.secret.length
  const summary: Finding = {
    level: 'ok',
    check: 'config',
    message: `${file}: ${count} ${count === 1 ? 'secret' : 'secrets'}`,
  }
  const { network, clock, random } = createRuntime()
  const { pinning, dns } = result.config
  const policy = new PinPolicy(toPinSettings(pinning), () => {})
  const wallSec = Date.now() / 1000
  const trust = { policy, wall: () => wallSec }
  const resolver = createResolver(dns.servers, trust)
  const input = { loaded: result, network, clock, random, resolver, trust, wallSec }
  const found = await Promise.all(CHECKS.map((run) => run(input)))
  const findings = [summary, ...warnings, ...found.flat()]
  report(findings, options)
  if (findings.some(({ level }) => level === 'fail')) throw new CliError(EXIT.failed)
}

function report(findings: readonly Finding[], { json }: CheckOptions): void {
  if (json === true) return print(JSON.stringify(findings, undefined, 2))
  for (const { level, check: name, message } of findings) {
    const shown = level.padEnd(4)
    print(
      `${hasColour(process.stdout) ? `\x1b[${COLOURS[level]}m${shown}\x1b[0m` : shown}  ${name.padEnd(6)}  ${message}`,
    )
  }
}
