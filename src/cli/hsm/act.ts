import { isLabel, LABEL_ALLOWED } from '../../config/values/secret-key.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { ConfigFault } from '../../start/errors.ts'
import { openToken, type OpenToken } from '../../start/token.ts'
import { TokenError } from '../../vault/token.ts'
import { CliError, EXIT } from '../exit.ts'
import { createLog } from '../log.ts'
import { say } from '../output.ts'

/** Opens the token of the configuration for one command. What is wrong is said in a line each, and ends it. */
export function withToken<T>(loaded: LoadedConfig, use: (open: OpenToken) => T): T {
  return orExit(() => {
    const open = openToken(loaded)
    try {
      return use(open)
    } finally {
      open.token.close()
    }
  })
}

/** What the token or the configuration refuses, as a command says it. */
export function orExit<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof TokenError) throw new CliError(EXIT.failed, error.message)
    if (!(error instanceof ConfigFault)) throw error
    error.lines.forEach(say)
    throw new CliError(EXIT.config)
  }
}

export interface Act {
  /** As in `palisade hsm NAME`. */
  readonly name: 'init' | 'import' | 'generate' | 'seal-key'
  /** Of the secret; absent where it is about the token. */
  readonly label?: string
}

/** Does what changes a token, and writes a line about who did it and how that ended, whatever level logs have. */
export function actOn<T>(loaded: LoadedConfig, { name, label }: Act, act: () => T): T {
  const log = createLog(loaded)
  log.level = 'info'
  const { token } = loaded.config.hsm
  const tell = (result: string) =>
    log.write(result === 'done' ? 'info' : 'warn', `security.hsm.${name}`, 'The HSM was asked for a change', {
      ...{ actor: actor(), token, label, result },
    })
  try {
    const made = act()
    tell('done')
    return made
  } catch (error) {
    tell(error instanceof Error && error.message !== '' ? error.message : 'refused')
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
