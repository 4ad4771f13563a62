import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import { loadFile } from '../config/load.ts'
import type { LoadedConfig } from '../config/load.ts'
import { start, StartError, type RunningProxy, type StartOptions } from '../main.ts'
import type { Log } from '../observe/log.ts'
import { createRuntime } from '../runtime/index.ts'
import { takeInherited, type Inherited } from '../runtime/inherited.ts'
import { ConfigFault } from '../start/errors.ts'
import { supervise } from '../start/supervise.ts'
import { DEFAULT_FILE, loadOrExit, withConfigOptions, type ConfigOptions } from './config-file.ts'
import { CliError, EXIT } from './exit.ts'
import { writeFirstConfig } from './first-start.ts'
import { createLog, dieOnFaults } from './log.ts'
import { HOST_PLACEHOLDER, linksOf, publicAddress, qrCode } from './links.ts'
import { print, say } from './output.ts'

/** After everything is closed, for what the kernel was not given yet. */
const LINGER_MS = 1000

interface RunOptions extends ConfigOptions {
  readonly host?: string
}

export function addRun(program: Command): void {
  withConfigOptions(program.command('run').description('run the proxy; without a configuration, make one first'))
    .option('--host <host>', 'our address in the link that the first start prints')
    .addHelpText(
      'after',
      `
Signals: SIGHUP reloads, SIGTERM and SIGINT drain, a second one stops. SIGUSR2
starts the program anew, as it is on the disk now, and loses no connection.

Examples:
  palisade run
  palisade run --config /etc/palisade/palisade.toml
  palisade run --set listen.address=0.0.0.0:8443 --set log.format=pretty`,
    )
    .action(run)
}

async function run(options: RunOptions): Promise<void> {
  const inherited = inheritedOrExit()
  const isFirst = options.config === undefined && !existsSync(DEFAULT_FILE)
  if (isFirst) await writeFirstConfig(DEFAULT_FILE, createRuntime().network)
  const loaded = loadOrExit(options)
  const log = createLog(loaded)
  dieOnFaults(log)
  const reread = () => loadFile(loaded.file, options.set)
  const starting = startOrExit(loaded, { log, reread, inherited })
  obeySignals(starting, log)
  const proxy = await starting
  if (isFirst) showLinks(loaded, proxy, options.host)
  await proxy.stopped
  setTimeout(() => process.exit(EXIT.ok), LINGER_MS).unref()
}

function inheritedOrExit(): Inherited {
  const inherited = takeInherited(createRuntime().libc, process.env, process.pid)
  if ('error' in inherited) throw new CliError(EXIT.failed, inherited.error)
  return inherited
}

async function startOrExit(loaded: LoadedConfig, options: StartOptions): Promise<RunningProxy> {
  const { workers } = loaded.config.listen
  const count = workers === 'auto' ? availableParallelism() : workers
  try {
    return count === 1 ? await start(loaded, options) : await supervise(loaded, count, options)
  } catch (error) {
    if (error instanceof ConfigFault) {
      error.lines.forEach(say)
      throw new CliError(EXIT.config)
    }
    if (error instanceof StartError) throw new CliError(EXIT.failed, error.message)
    throw error
  }
}

/** From before the start on: who reads that we listen may send a signal at once. */
function obeySignals(starting: Promise<RunningProxy>, log: Log): void {
  let asked = 0
  const onceStarted = (act: (proxy: RunningProxy) => void) => {
    // A start that failed is told by whoever waits for it.
    starting.then(act, () => {})
  }
  const end = (signal: string) => {
    asked++
    log.write('info', 'signal', asked === 1 ? 'Asked to drain' : 'Asked again: stopping', { signal })
    const isFirst = asked === 1
    onceStarted((proxy) => (isFirst ? proxy.drain() : proxy.stop()))
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  process.on('SIGHUP', () => onceStarted((proxy) => proxy.reload()))
  process.on('SIGUSR2', () => onceStarted((proxy) => proxy.succeed()))
}

function showLinks(loaded: LoadedConfig, proxy: RunningProxy, wanted: string | undefined): void {
  const host = wanted ?? publicAddress() ?? HOST_PLACEHOLDER
  const { port } = proxy.listening[0]
  for (const { tg, https } of linksOf(loaded, { host, port })) print(`${qrCode(tg)}\n${tg}\n${https}`)
  if (host === HOST_PLACEHOLDER)
    say(`No public address on this machine: put yours for ${HOST_PLACEHOLDER}, or run: palisade link --host ADDRESS`)
}
