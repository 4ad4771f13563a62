import { Option, type Command } from 'commander'
import type { LoadedConfig } from '../../config/load.ts'
import { MODES, type Mode } from '../../core/events.ts'
import { DOMAINS } from '../domains.ts'
import { HOST_PLACEHOLDER, makeLink, publicAddress } from '../links.ts'
import { print, say } from '../output.ts'

export interface LinkOptions {
  readonly label: string
  readonly mode: Mode
  readonly domain?: string
  readonly host?: string
}

/** What the links of a new secret are made from. */
export function withLinkOptions(command: Command): Command {
  return command
    .addOption(new Option('--mode <mode>', 'how clients talk').choices(MODES).default('fake-tls'))
    .option('--domain <host>', `host name that fake-TLS clients name (default: "${DOMAINS[0]}")`)
    .option('--host <host>', 'our address in the link')
}

/** Shows the links of a secret that is in its place already: nobody can show them again. */
export function showLinks(
  loaded: LoadedConfig,
  { label, mode, domain = DOMAINS[0], host: wanted }: LinkOptions,
  key: Uint8Array,
  where = 'in the token',
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
  say(`This is shown once: the secret is ${where} now, and stays there.`)
  if (user !== undefined) return
  const lines = ['[[secret]]', `name = "${label}"`, `key = "hsm:${label}"`, `modes = ["${mode}"]`]
  if (mode === 'fake-tls') lines.push(`domain = "${domain}"`)
  say(`For the configuration:\n\n${lines.join('\n')}`)
}
