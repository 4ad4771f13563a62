import type { Command } from 'commander'
import { Pkcs11Crypto } from '../../runtime/vault/crypto.ts'
import { useToken } from '../../start/token.ts'
import { KeyFault } from '../../vault/crypto.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { print } from '../output.ts'
import { actOn, alreadyThere, labelOf, orExit } from './act.ts'

interface SealKeyOptions extends ConfigOptions {
  readonly label: string
}

export function addSealKey(hsm: Command): void {
  withConfigOptions(hsm.command('seal-key').description('make an AES key in the token, to seal the state with'))
    .requiredOption('--label <label>', 'what it is called there')
    .addHelpText(
      'after',
      `
It never leaves the token, and there is no copy of it: a sealed state is as
lost as the token.

Example:
  palisade hsm seal-key --label state`,
    )
    .action(makeSealKey)
}

async function makeSealKey(options: SealKeyOptions): Promise<void> {
  const loaded = loadOrExit(options)
  const label = labelOf(options)
  await actOn(loaded, { name: 'seal-key', label }, () =>
    orExit(() =>
      useToken(loaded, (token) => {
        try {
          new Pkcs11Crypto(token).createCipherKey(label)
        } catch (error) {
          throw error instanceof KeyFault ? alreadyThere(label) : error
        }
      }),
    ),
  )
  print(`in the token: use it with sealed = "hsm:${label}" in [state]`)
}
