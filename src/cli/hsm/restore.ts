import type { Command } from 'commander'
import type { LoadedConfig } from '../../config/load.ts'
import { backupKeyOf, openSealed } from '../../runtime/vault/backup-key.ts'
import { changeSecrets } from '../../runtime/vault/secrets.ts'
import type { Pkcs11Token } from '../../runtime/vault/token.ts'
import { keyName, latest, readSealed, type BackedUp, type BackupLine } from '../../vault/backup.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { CliError, EXIT } from '../exit.ts'
import { print } from '../output.ts'
import { actOn, labelOf, nowSec } from './act.ts'
import { readBackupFile } from './backup-file.ts'
import { withBackupToken, withBackupTokenOpen, type BackupTokenOptions } from './backup-token.ts'
import { withToken } from './place.ts'
import { takeOver } from './running.ts'
import { putSealed } from './sealed.ts'

interface RestoreOptions extends ConfigOptions, BackupTokenOptions {
  readonly from: string
  readonly label?: string
}

export function addRestore(hsm: Command): void {
  const command = hsm.command('restore').description('put secrets of a backup file into the token of hsm.token')
  withBackupToken(withConfigOptions(command))
    .requiredOption('--from <file>', 'the backup file')
    .option('--label <label>', 'this secret alone (default: all)')
    .addHelpText(
      'after',
      `
Of each label the secret that was backed up last is restored, as the active one.
What is in the token already stays as it is: restore may be run again.

Example:
  palisade hsm restore --from family.backup --backup-token spare --backup-pin env:SPARE_PIN`,
    )
    .action(restore)
}

async function restore(options: RestoreOptions): Promise<void> {
  const loaded = loadOrExit(options)
  const { from, label } = options
  const wanted = label === undefined ? undefined : labelOf({ label })
  const lines = latest(readBackupFile(from)).filter((line) => wanted === undefined || line.label === wanted)
  if (lines.length === 0)
    throw new CliError(EXIT.failed, wanted === undefined ? `${from} is empty` : `${from} has no secret ${wanted}`)
  const secrets = withBackupTokenOpen(loaded, options, (token) => openAll(token, lines, from))
  let count = 0
  try {
    for (const secret of secrets) if (await restoreOne(loaded, secret)) count++
  } finally {
    for (const { key } of secrets) key.fill(0)
  }
  if (count > 0) await takeOver(loaded)
}

/** All or none, so that a foreign file changes nothing. */
function openAll(token: Pkcs11Token, lines: readonly BackupLine[], file: string): readonly BackedUp[] {
  const under = keyName(backupKeyOf(token))
  return lines.map((line) => {
    const what = `${file}: generation ${line.generation} of ${line.label}`
    if (line.under !== under) throw new CliError(EXIT.failed, `${what} is sealed under another key than that token has`)
    const plain = openSealed(token, Buffer.from(line.sealed, 'base64'))
    const secret = plain && readSealed(plain, line)
    plain?.fill(0)
    if (secret === undefined)
      throw new CliError(EXIT.failed, `${what} cannot be opened: it was changed since it was sealed`)
    return secret
  })
}

/** False: the token has it. */
async function restoreOne(loaded: LoadedConfig, { label, generation, key }: BackedUp): Promise<boolean> {
  try {
    const isNew = await actOn(loaded, { name: 'restore', label, generation }, () =>
      withToken(
        loaded,
        ({ token }) => changeSecrets(token, (keyring) => keyring.restore(label, generation, key, nowSec())),
        () => {
          putSealed(loaded, label, key)
          return true
        },
      ),
    )
    print(`${label}: generation ${generation} ${isNew ? 'restored' : 'is there already'}`)
    return isNew
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== EXIT.failed) throw error
    print(`${label}: NOT restored: ${error.message}`)
    process.exitCode = EXIT.failed
    return false
  }
}
