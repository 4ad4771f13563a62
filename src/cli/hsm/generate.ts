import { randomBytes } from 'node:crypto'
import { Option, type Command } from 'commander'
import type { LoadedConfig } from '../../config/load.ts'
import { MODES, type Mode } from '../../core/events.ts'
import { KEY_LENGTH } from '../../core/protocol/secret.ts'
import { storeSecret } from '../../runtime/vault/secrets.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { DOMAINS } from '../domains.ts'
import { HOST_PLACEHOLDER, makeLink, publicAddress } from '../links.ts'
import { print, say } from '../output.ts'
import { checkDomain } from '../secret.ts'
import { actOn, alreadyThere, labelOf, withToken } from './act.ts'

interface GenerateOptions extends ConfigOptions {
  readonly label: string
  readonly mode: Mode
  readonly domain?: string
  readonly host?: string
}

export function addGenerate(hsm: Command): void {
  withConfigOptions(hsm.command('generate').description('make a secret in the token; its link is shown once'))
    .requiredOption('--label <label>', 'what it is called there')
    .addOption(new Option('--mode <mode>', 'how clients talk').choices(MODES).default('fake-tls'))
    .option('--domain <host>', `host name that fake-TLS clients name (default: "${DOMAINS[0]}")`)
    .option('--host <host>', 'our address in the link')
    .addHelpText(
      'after',
      `
Where the configuration has a secret with key = "hsm:LABEL" already, its modes
and its domain are those of the links. Keep the link: nobody can show it again.

Example:
  palisade hsm generate --label family --host 192.0.2.1`,
    )
    .action(generate)
}

function generate(options: GenerateOptions): void {
  const loaded = loadOrExit(options)
  const label = labelOf(options)
  checkDomain(options.mode, options.domain)
  const key = randomBytes(KEY_LENGTH)
  try {
    actOn(loaded, { name: 'generate', label }, () =>
      withToken(loaded, ({ token }) => {
        if (!storeSecret(token, label, key)) throw alreadyThere(label)
      }),
    )
    show(loaded, options, key)
  } finally {
    key.fill(0)
  }
}

function show(
  loaded: LoadedConfig,
  { label, mode, domain = DOMAINS[0], host: wanted }: GenerateOptions,
  key: Uint8Array,
): void {
  const host = wanted ?? publicAddress() ?? HOST_PLACEHOLDER
  const place = { host, port: loaded.config.listen.address[0].port || 443 }
  const user = loaded.config.secret.find((secret) => secret.key.from === 'hsm' && secret.key.label === label)
  for (const one of user?.modes ?? [mode]) {
    const secret = { mode: one, key, domain: one === 'fake-tls' ? (user?.domain ?? domain) : '' }
    const { tg, https } = makeLink(label, secret, place)
    print(`${user?.name ?? label} (${one})\n  ${tg}\n  ${https}`)
  }
  if (host === HOST_PLACEHOLDER) say(`Put your address for ${HOST_PLACEHOLDER}.`)
  say('This is shown once: the secret is in the token now, and stays there.')
  if (user !== undefined) return
  const lines = ['[[secret]]', `name = "${label}"`, `key = "hsm:${label}"`, `modes = ["${mode}"]`]
  if (mode === 'fake-tls') lines.push(`domain = "${domain}"`)
  say(`For the configuration:\n\n${lines.join('\n')}`)
}
