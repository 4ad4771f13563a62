import type { Command } from 'commander'
import { PROVIDER_WORDS, providerOf, type Provider } from '../../config/provider.ts'
import type { Pkcs11Module } from '../../runtime/vault/pkcs11.ts'
import { listSecrets } from '../../runtime/vault/secrets.ts'
import type { Pkcs11Token } from '../../runtime/vault/token.ts'
import { useToken } from '../../start/token.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { print } from '../output.ts'
import { nowSec } from './act.ts'
import { withToken } from './place.ts'
import { listSealed, type Listed } from './sealed.ts'

interface StatusOptions extends ConfigOptions {
  readonly json?: true
}

/** What the route needs, and what later parts will. */
const OF_NOTE = ['SHA256', 'SHA256_HMAC', 'AES_GCM', 'AES_KEY_WRAP', 'ECDSA']

export function addStatus(hsm: Command): void {
  withConfigOptions(hsm.command('status').description('module and token, and what they can do'))
    .option('--json', 'for scripts')
    .action(status)
}

function status(options: StatusOptions): void {
  const loaded = loadOrExit(options)
  const provider = providerOf(loaded.config.hsm)
  const found = withToken<Found>(
    loaded,
    ({ module, token, route }) => ({
      ...aboutToken(module, token),
      ...{ route, provider, ...countsOf(listSecrets(token, nowSec())) },
    }),
    (why) => ({
      ...useToken(loaded, (token) => token.use((_, module) => aboutToken(module, token))),
      ...{ route: 'sealed', provider: 'sealed', ...(why !== undefined && { why }), ...countsOf(listSealed(loaded)) },
    }),
  )
  if (options.json === true) return print(JSON.stringify(found, undefined, 2))
  const known = OF_NOTE.filter((name) => found.mechanisms.includes(name))
  print(`module      ${found.module} (${found.description})`)
  print(`token       "${found.token}", serial number ${found.serial}, ${found.model}`)
  const words = PROVIDER_WORDS[found.provider]
  print(`route       ${found.provider === 'sealed' ? words : `${found.route}, ${words}`}`)
  if (found.why !== undefined) print(`why         ${found.why}`)
  if (found.provider === 'sealed') print('promised    nothing, to secrets in that memory: whoever reads it has them')
  const states = Object.entries(found.generations).map(([state, count]) => `${count} ${state}`)
  print(`secrets     ${found.secrets}${states.length === 0 ? '' : `, generations: ${states.join(', ')}`}`)
  print(`mechanisms  ${found.mechanisms.length}, with ${known.join(', ')}`)
}

type Found = ReturnType<typeof aboutToken> &
  ReturnType<typeof countsOf> & { readonly route: string; readonly provider: Provider; readonly why?: string }

function aboutToken(module: Pkcs11Module, { info }: Pkcs11Token) {
  return {
    module: module.path,
    description: module.describe(),
    token: info.label,
    serial: info.serial,
    model: info.model,
    mechanisms: module.mechanisms(info.slot),
  }
}

/** How many secrets there are, and how many of their generations are in which state; one with a fault is in none. */
function countsOf(secrets: readonly Listed[]): {
  readonly secrets: number
  readonly generations: Readonly<Record<string, number>>
} {
  const generations: Record<string, number> = {}
  for (const { state, fault } of secrets.flatMap((secret) => secret.generations)) {
    const name = fault === undefined ? state : 'not whole'
    generations[name] = (generations[name] ?? 0) + 1
  }
  return { secrets: secrets.length, generations }
}
