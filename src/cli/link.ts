import type { Command } from 'commander'
import { askRunning } from './admin-client.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from './config-file.ts'
import { CliError, EXIT } from './exit.ts'
import { HOST_PLACEHOLDER, linksOf, publicAddress, qrCode } from './links.ts'
import { print, say } from './output.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Status } from '../admin/commands.ts'

interface LinkOptions extends ConfigOptions {
  readonly host?: string
  readonly qr?: true
  readonly json?: true
}

export function addLink(program: Command): void {
  withConfigOptions(program.command('link').description('print the links that clients open'))
    .option('--host <host>', 'address or name that clients reach this machine by')
    .option('--qr', 'a QR code below each link')
    .option('--json', 'for scripts')
    .addHelpText('after', '\nExample:\n  palisade link --host proxy.example.com --qr')
    .action(link)
}

async function link(options: LinkOptions): Promise<void> {
  const loaded = loadOrExit(options)
  const host = options.host ?? publicAddress() ?? HOST_PLACEHOLDER
  if (host === HOST_PLACEHOLDER)
    say(`No public address on this machine: put yours for ${HOST_PLACEHOLDER}, or give --host.`)
  const links = linksOf(loaded, { host, port: await portOf(loaded) })
  if (options.json === true) return print(JSON.stringify(links, undefined, 2))
  const hidden = loaded.config.secret.flatMap(({ name, key }) => (key.from === 'hsm' ? [name] : []))
  if (hidden.length > 0) say(`Shown when they were made, and never again, as they lie in a token: ${hidden.join(', ')}`)
  for (const { name, mode, tg, https } of links) {
    print(`${name} (${mode})\n  ${tg}\n  ${https}`)
    if (options.qr === true) print(`${qrCode(tg)}\n`)
  }
}

/** Port 0 is known to the running proxy alone. */
async function portOf({ config }: LoadedConfig): Promise<number> {
  const { port } = config.listen.address[0]
  if (port !== 0) return port
  const status = (await askRunning(config.admin.socket, 'status').catch(() => undefined)) as Status | undefined
  const bound = Number(status?.listening[0]?.split(':').at(-1))
  if (bound > 0) return bound
  throw new CliError(EXIT.failed, 'the port is chosen at start (port 0), and no proxy is running to ask')
}
