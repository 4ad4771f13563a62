import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { Option } from 'commander'
import { MODES, type Mode } from '../core/events.ts'
import { toHex } from '../core/protocol/bytes.ts'
import { DOMAIN_MAX, KEY_LENGTH } from '../core/protocol/secret.ts'
import { isHostName } from '../config/values/net.ts'
import { DOMAINS } from './domains.ts'
import { CliError, EXIT } from './exit.ts'
import { HOST_PLACEHOLDER, makeLink, publicAddress } from './links.ts'
import { print, say } from './output.ts'

interface SecretOptions {
  readonly mode: Mode
  readonly domain?: string
  readonly name: string
}

export interface NewSecret {
  readonly name: string
  readonly mode: Mode
  readonly key: Uint8Array
  /** Empty but for fake TLS. */
  readonly domain: string
}

export function addSecret(program: Command): void {
  const secret = program.command('secret').description('make secrets')
  secret
    .command('new')
    .description('print a new secret as a snippet of configuration')
    .addOption(new Option('--mode <mode>', 'how clients talk').choices(MODES).default('fake-tls'))
    .option('--domain <host>', `host name that fake-TLS clients name (default: "${DOMAINS[0]}")`)
    .option('--name <name>', 'how logs call it', 'user')
    .addHelpText('after', '\nExample:\n  palisade secret new --domain www.example.com --name family >> palisade.toml')
    .action(newSecret)
}

function newSecret({ mode, domain, name }: SecretOptions): void {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name))
    throw new CliError(EXIT.usage, '--name: expected 1 to 64 letters, digits, ".", "_" or "-"')
  checkDomain(mode, domain)
  const secret = makeSecret(name, mode, domain ?? DOMAINS[0])
  print(renderSecret(secret))
  const host = publicAddress() ?? HOST_PLACEHOLDER
  const { tg, https } = makeLink(name, secret, { host, port: 443 })
  say(
    `Links, once it is configured${host === HOST_PLACEHOLDER ? ` (put your address for ${host})` : ''}:\n  ${tg}\n  ${https}`,
  )
}

/** `--domain`, where it is given. */
export function checkDomain(mode: Mode, domain: string | undefined): void {
  if (domain !== undefined && mode !== 'fake-tls')
    throw new CliError(EXIT.usage, `--domain: only fake-tls names a host, not ${mode}`)
  if (domain !== undefined && (!isHostName(domain) || domain.length > DOMAIN_MAX))
    throw new CliError(EXIT.usage, '--domain: expected a host name such as www.example.com')
}

export function makeSecret(name: string, mode: Mode, domain: string): NewSecret {
  return { name, mode, key: randomBytes(KEY_LENGTH), domain: mode === 'fake-tls' ? domain.toLowerCase() : '' }
}

/** A `[[secret]]` table, without a line feed at the end. */
export function renderSecret({ name, mode, key, domain }: NewSecret): string {
  const lines = ['[[secret]]', `name = "${name}"`, `key = "${toHex(key)}"`, `modes = ["${mode}"]`]
  if (domain !== '') lines.push(`domain = "${domain}"`)
  return lines.join('\n')
}
