import type { Command } from 'commander'
import { PROVIDER_WORDS, providerOf } from '../../config/provider.ts'
import { listSecrets } from '../../runtime/vault/secrets.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { print } from '../output.ts'
import { withToken } from './act.ts'

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
    secrets: listSecrets(token).length,
    mechanisms: module.mechanisms(token.info.slot),
  }))
  if (options.json === true) return print(JSON.stringify(found, undefined, 2))
  const known = OF_NOTE.filter((name) => found.mechanisms.includes(name))
  print(`module      ${found.module} (${found.description})`)
  print(`token       "${found.token}", serial number ${found.serial}, ${found.model}`)
  print(`route       ${found.route}, ${PROVIDER_WORDS[found.provider]}`)
  print(`secrets     ${found.secrets}`)
  print(`mechanisms  ${found.mechanisms.length}, with ${known.join(', ')}`)
}
