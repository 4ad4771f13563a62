import { providerOf } from '../../config/provider.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { storeSecret } from '../../runtime/vault/secrets.ts'
import { OnlySealed } from '../../start/errors.ts'
import { SEAL_LABEL, sealedSecrets } from '../../start/sealed.ts'
import { openToken, type OpenToken } from '../../start/token.ts'
import { CliError, EXIT } from '../exit.ts'
import { say } from '../output.ts'
import { actOn, alreadyThere, orExit } from './act.ts'
import { putSealed } from './sealed.ts'

/**
 * Opens the token of the configuration for one command, or does `sealed` where secrets are sealed; `why` is what the module cannot do,
 * where it is left to us. What is wrong is said in a line each, and ends the command.
 */
export function withToken<T>(
  loaded: LoadedConfig,
  use: (open: OpenToken) => T,
  sealed: (why?: string) => T = () => notForSealed(),
): T {
  return orExit(() => {
    if (providerOf(loaded.config.hsm) === 'sealed') return sealed()
    let open: OpenToken
    try {
      open = openToken(loaded)
    } catch (error) {
      if (!(error instanceof OnlySealed)) throw error
      say(`${error.why}: secrets are sealed`)
      return sealed(error.why)
    }
    try {
      return use(open)
    } finally {
      open.token.close()
    }
  })
}

/** Where a new secret has been put. */
export type NewPlace = 'token' | 'sealed'

/** Puts a new secret where the configuration has them: into the token, or sealed into a file. */
export async function storeNew(
  loaded: LoadedConfig,
  name: 'generate' | 'import',
  label: string,
  key: Uint8Array,
): Promise<NewPlace> {
  let isSealNew = false
  const place = await actOn(loaded, { name, label, generation: 1 }, () =>
    withToken<NewPlace>(
      loaded,
      ({ token }) => {
        if (!storeSecret(token, label, key)) throw alreadyThere(label)
        return 'token'
      },
      () => {
        isSealNew = putSealed(loaded, label, key)
        return 'sealed'
      },
    ),
  )
  // It is told like any other change of the token.
  if (isSealNew) await actOn(loaded, { name: 'seal-key', label: SEAL_LABEL }, () => {})
  return place
}

/** The end of a sentence that begins with a secret. */
export function whereIs(loaded: LoadedConfig, place: NewPlace): string {
  return place === 'token' ? 'in the token' : `sealed in ${sealedSecrets(loaded).path}`
}

/** For what sealed secrets have no use for; `instead` says how else. */
export function notForSealed(instead = ''): never {
  throw new CliError(EXIT.failed, `this is for secrets that lie in the token, and yours are sealed${instead}`)
}
