import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Bans } from '../admin/bans.ts'
import type { Status } from '../admin/commands.ts'
import { ROWS_MAX } from '../admin/requests.ts'
import type { Address } from '../core/ports.ts'
import type { ClientSecret } from '../core/protocol/secret.ts'
import { askRunning, socketOf } from './admin-client.ts'
import { secret } from './conformance.ts'
import { CliError, EXIT } from './exit.ts'
import { snakeCased } from './json.ts'
import { print } from './output.ts'
import { sayBadScenario } from './sim-scenarios.ts'

/** Those of `palisade sim run` that are for real proxies. */
export interface LiveCommand {
  readonly live?: Address
  readonly secret?: readonly ClientSecret[]
  readonly telegram?: Address
  readonly scale?: number
  readonly speed?: number
  readonly time?: number
  readonly config?: string
}

const TIME_MAX_MS = 3_600_000
const SPEED_MAX = 100_000

export const LIVE_HELP = `
With --live the same people, honest and not, come to a real proxy on this
machine, whoever wrote it: sources get addresses of their own in 127.0.0.0/8. It
attacks, so no other machine can be named. With --telegram this program stands
in for Telegram there, and the proxy has to be told so before, as for palisade
conformance ([telegram.dc] 1 to 5 = ["127.0.0.1:8888"]); without, nobody talks
behind the handshake, and lost bytes are not judged. Of [[fault]], slow-links is
played, and with --telegram dc-down and dc-flap. With --config the proxy is one
of ours, and is asked for its bans and alarms, memory and CPU. Strangers are led
to the proxy's mask host as ever: let it be a site of your own.

  palisade sim run slowloris --live 127.0.0.1:8443 --secret ee... --time 60s`

/** Puts them on the command. */
export function withLiveOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--live <host:port>', 'play it against this proxy, on the loopback')
        .argParser(place)
        .conflicts(['runs', 'jobs', 'trace', 'shrink', 'case']),
    )
    .addOption(new Option('--secret <secret>', 'of that proxy, for fake TLS; may be repeated').argParser(fakeTls))
    .addOption(new Option('--telegram <host:port>', 'stand in for Telegram there, on the loopback').argParser(place))
    .addOption(
      new Option('--scale <share>', 'of the people of the scenario (default: 1)').argParser(between(0.0001, 1)),
    )
    .addOption(
      new Option('--speed <factor>', 'how much faster than written (default: 1)')
        .argParser(between(1, SPEED_MAX))
        .conflicts('time'),
    )
    .addOption(new Option('--config <file>', 'of that proxy, where it is one of ours'))
}

/** Plays it; `options.live` is there. */
export async function runLive(
  name: string,
  proxy: Address,
  options: LiveCommand & { readonly seed: number; readonly report?: string; readonly json?: true },
): Promise<void> {
  const { seed, telegram, secret: secrets = [], scale = 1, speed = 1, time, config, report, json } = options
  if (time !== undefined && time > TIME_MAX_MS)
    throw new CliError(EXIT.usage, '--time: expected at most 1h with --live')
  if (secrets.length === 0) throw new CliError(EXIT.usage, '--live: expected a --secret of that proxy')
  const insight = config === undefined ? undefined : await insightOf(config)
  const live = (await import(new URL('../../sim/live.ts', import.meta.url).href)) as typeof import('../../sim/live.ts')
  const playing = live.playLive({
    ...{ name, seed, proxy, secrets, scale, speed: time === undefined ? speed : { timeMs: time } },
    ...(telegram === undefined ? {} : { telegram }),
    ...(insight === undefined ? {} : { insight }),
    ...(config === undefined ? {} : { config }),
    ...(report === undefined ? {} : { report }),
    ...(json === true ? { tell: printOutcome } : {}),
  })
  const isGood = await playing.catch((error: unknown) => {
    sayBadScenario(error)
    throw new CliError(error instanceof live.Unplayable ? EXIT.usage : EXIT.failed, (error as Error).message)
  })
  // Connections that the proxy keeps would keep us.
  process.stdout.write('', () => process.exit(isGood ? EXIT.ok : EXIT.failed))
}

/** A run for scripts, on one line. */
export function printOutcome(outcome: unknown): void {
  print(JSON.stringify(snakeCased(outcome)))
}

/** Options of a real proxy where none is named are a mistake. */
export function refuseLive(options: LiveCommand): void {
  const { secret: secrets, telegram, scale, speed, config } = options
  const given = Object.entries({ secret: secrets, telegram, scale, speed, config })
  const [stray] = given.find(([, value]) => value !== undefined) ?? []
  if (stray !== undefined) throw new CliError(EXIT.usage, `--${stray} is for --live`)
}

async function insightOf(config: string) {
  const socket = socketOf({ config })
  const { metrics } = (await askRunning(socket, 'status')) as Status
  return { metrics, bans: async () => (await askRunning(socket, 'bans', { limit: ROWS_MAX })) as Bans }
}

function place(text: string): Address {
  const [, host, port] = /^(localhost|127(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(text) ?? []
  if (host !== undefined && Number(port) >= 1 && Number(port) <= 65_535)
    return { ip: host === 'localhost' ? '127.0.0.1' : host, port: Number(port) }
  const why = text.startsWith('[')
    ? 'IPv6 has one address of the loopback alone, and sources need many.'
    : 'What is played is an attack, and goes to no other machine.'
  throw new InvalidArgumentError(`Expected HOST:PORT on the loopback, such as 127.0.0.1:8443. ${why}`)
}

function fakeTls(text: string, before: readonly ClientSecret[] = []): readonly ClientSecret[] {
  const found = secret(text)
  if (found.mode === 'fake-tls') return [...before, found]
  throw new InvalidArgumentError('Expected one for fake TLS (ee...): the people of scenarios speak nothing else.')
}

function between(min: number, max: number): (text: string) => number {
  return (text) => {
    const found = Number(text)
    if (/^\d+(\.\d+)?$/.test(text) && found >= min && found <= max) return found
    throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`)
  }
}
