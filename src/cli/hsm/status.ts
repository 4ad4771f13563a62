import type { Command } from 'commander'
import { PROVIDER_WORDS, providerOf } from '../../config/provider.ts'
import { listSecrets } from '../../runtime/vault/secrets.ts'
import type { StoredSecret } from '../../vault/keyring.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { print } from '../output.ts'
import { nowSec, withToken } from './act.ts'

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
  const found = withToken(loaded, ({ module, token, route }) => ({
    module: module.path,
    description: module.describe(),
    token: token.info.label,
    serial: token.info.serial,
    model: token.info.model,
    route,
    provider,
    ...countsOf(listSecrets(token, nowSec())),
    mechanisms: module.mechanisms(token.info.slot),
  }))
  if (options.json === true) return print(JSON.stringify(found, undefined, 2))
  const known = OF_NOTE.filter((name) => found.mechanisms.includes(name))
  print(`module      ${found.module} (${found.description})`)
  print(`token       "${found.token}", serial number ${found.serial}, ${found.model}`)
  print(`route       ${found.route}, ${PROVIDER_WORDS[found.provider]}`)
  const states = Object.entries(found.generations).map(([state, count]) => `${count} ${state}`)
  print(`secrets     ${found.secrets}${states.length === 0 ? '' : `, generations: ${states.join(', ')}`}`)
  print(`mechanisms  ${found.mechanisms.length}, with ${known.join(', ')}`)
}

/** How many secrets there are, and how many of their generations are in which state; one with a fault is in none. */
function countsOf(secrets: readonly StoredSecret[]): {
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
