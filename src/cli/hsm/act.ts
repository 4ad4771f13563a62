import { isLabel, LABEL_ALLOWED } from '../../config/values/secret-key.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { ConfigFault } from '../../start/errors.ts'
import type { HsmAct } from '../../admin/requests.ts'
import { KeyFault } from '../../vault/crypto.ts'
import { KeyringFault } from '../../vault/keyring.ts'
import { TokenError } from '../../vault/token.ts'
import { CliError, EXIT } from '../exit.ts'
import { createLog } from '../log.ts'
import { say } from '../output.ts'
import { withLock } from './lock.ts'
import { noteAtRunning } from './running.ts'

/** What the token or the configuration refuses, as a command says it. */
export function orExit<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof TokenError || error instanceof KeyringFault || error instanceof KeyFault)
      throw new CliError(EXIT.failed, error.message)
    if (!(error instanceof ConfigFault)) throw error
    error.lines.forEach(say)
    throw new CliError(EXIT.config)
  }
}

export interface Act {
  /** As in `palisade hsm NAME`. */
  readonly name: HsmAct
  /** Of the secret; absent where it is about the token. */
  readonly label?: string
  readonly generation?: number
  /** Where that is another one than the configuration's. */
  readonly token?: string
}

/**
 * Does what changes a token, no other command beside it, and writes a line about who did it and how that ended, whatever level logs
 * have. A proxy that runs by the same configuration has it among its security events, too.
 */
export async function actOn<T>(
  loaded: LoadedConfig,
  { name, label, generation: given, token = loaded.config.hsm.token }: Act,
  act: () => T,
): Promise<T> {
  const log = createLog(loaded)
  log.level = 'info'
  const tell = async (result: string, generation = given) => {
    const fields = { actor: actor(), token, label, generation, result }
    const level = result === 'done' ? 'info' : 'warn'
    log.write(level, `security.hsm.${name}`, 'The HSM was asked for a change', fields)
    await noteAtRunning(loaded, { act: name, ...fields })
  }
  try {
    const made = withLock(loaded, act)
    // What makes a new generation answers its number.
    await tell('done', typeof made === 'number' ? made : given)
    return made
  } catch (error) {
    await tell(error instanceof Error && error.message !== '' ? error.message : 'refused')
    throw error
  }
}

/** Who calls us, and who that was before sudo. By number: names come from the environment on some runtimes. */
function actor(): string {
  const { SUDO_UID } = process.env
  return `uid ${process.getuid?.()}${SUDO_UID === undefined ? '' : `, sudo by uid ${SUDO_UID}`}`
}

/** `--label`, checked. */
export function labelOf({ label }: { readonly label: string }): string {
  if (isLabel(label)) return label
  throw new CliError(EXIT.usage, `--label: expected ${LABEL_ALLOWED}`)
}

export function alreadyThere(label: string): CliError {
  return new CliError(EXIT.failed, `the token has a key with the label ${label} already`)
}

/** Names of users by the labels that the configuration gives their secrets. */
export function usersByLabel({ config }: LoadedConfig): ReadonlyMap<string, string> {
  return new Map(config.secret.flatMap(({ name, key }) => (key.from === 'hsm' ? [[key.label, name] as const] : [])))
}

export function nowSec(): number {
  return Math.floor(Date.now() / 1000)
}
