import type { LoadedConfig } from '../../config/load.ts'
import { sealedSecrets, storeSealed, unsealLabels } from '../../start/sealed.ts'
import type { StoredGeneration } from '../../vault/keyring.ts'
import { SealedVault } from '../../vault/sealed.ts'
import { CliError, EXIT } from '../exit.ts'

/** A sealed secret has one generation, which is active as long as its file is there. */
const ONLY = { number: 1, state: 'active' } as const

/** A secret as it is listed, wherever it lies. */
export interface Listed {
  readonly label: string
  readonly generations: readonly StoredGeneration[]
}

/** All that are there, with what speaks against unsealing each. */
export function listSealed(loaded: LoadedConfig): readonly Listed[] {
  const folder = sealedSecrets(loaded)
  const labels = folder.labels()
  const faults = unsealLabels(new SealedVault(folder), loaded, labels)
  return labels.map((label, i) => {
    const fault = faults[i]
    return { label, generations: [{ ...ONLY, ...(fault !== undefined && { fault }) }] }
  })
}

/** Seals a new one. Whether the key to seal with had to be made. */
export function putSealed(loaded: LoadedConfig, label: string, key: Uint8Array): boolean {
  const { isNew, isSealNew } = storeSealed(loaded, label, key)
  if (isNew) return isSealNew
  throw new CliError(EXIT.failed, `there is a sealed secret ${label} already, which stays as it is`)
}

export interface DestroySealed {
  readonly number: number | undefined
  /** Whose it is by the configuration. */
  readonly user: string | undefined
  readonly force: boolean
}

/** Needs no token: what cannot be unsealed any more can still be removed. A running proxy has it until a reload goes without it. */
export function destroySealed(loaded: LoadedConfig, label: string, { number, user, force }: DestroySealed) {
  const folder = sealedSecrets(loaded)
  if (folder.read(label) === undefined) throw new CliError(EXIT.failed, `there is no sealed secret ${label}`)
  if (number !== undefined && number !== ONLY.number)
    throw new CliError(EXIT.failed, `${label} has no generation ${number}: sealed secrets have one`)
  if (user !== undefined && !force) {
    const why = `the configuration names it, for user "${user}"; --force destroys it nevertheless`
    throw new CliError(EXIT.failed, `${label} is in use: ${why}, and a running proxy has it until it ends`)
  }
  folder.remove(label)
  return [ONLY]
}
