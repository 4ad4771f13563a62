import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { whyUnreadable } from '../../config/key-files.ts'
import { makeBackupKey } from '../../runtime/vault/backup-key.ts'
import { readSecrets } from '../../runtime/vault/secrets.ts'
import type { Pkcs11Token } from '../../runtime/vault/token.ts'
import { checkOf, type BackupLine } from '../../vault/backup.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { CliError, EXIT } from '../exit.ts'
import { print, say } from '../output.ts'
import { printTable } from '../table.ts'
import { actOn, nowSec } from './act.ts'
import { readBackupFile } from './backup-file.ts'
import { withBackupToken, withBackupTokenOpen, type BackupTokenOptions } from './backup-token.ts'
import { withToken } from './place.ts'

interface BackupCommandOptions extends ConfigOptions, BackupTokenOptions {
  readonly init?: true
  readonly out?: string
  readonly verify?: string
  readonly json?: true
}

export function addBackup(hsm: Command): void {
  const command = hsm.command('backup').description('a key to seal backups under, and whether a backup is complete')
  withBackupToken(withConfigOptions(command))
    .option('--init', 'make a key pair in the backup token, and write its public half')
    .option('--out <pem>', 'where to, with --init')
    .option('--verify <file>', 'whether this backup file has every secret of the token that is in use')
    .option('--json', 'for scripts, with --verify')
    .addHelpText(
      'after',
      `
No secret ever leaves the token: one is backed up while it is made, by
generate, import or rotate with --backup FILE --under PEM.

Examples:
  palisade hsm backup --init --backup-token spare --backup-pin env:SPARE_PIN --out backup.pem
  palisade hsm generate --label family --backup family.backup --under backup.pem
  palisade hsm backup --verify family.backup`,
    )
    .action(backup)
}

async function backup(options: BackupCommandOptions): Promise<void> {
  const { init, out, verify: file } = options
  if ((init === true) === (file !== undefined))
    throw new CliError(EXIT.usage, 'expected either --init or --verify FILE')
  if (file !== undefined) return verify(options, file)
  if (out === undefined) throw new CliError(EXIT.usage, '--out: expected a file for the public key')
  const loaded = loadOrExit(options)
  const key = await actOn(loaded, { name: 'backup', token: options.backupToken ?? '' }, () =>
    withBackupTokenOpen(loaded, options, makeBackupKey),
  )
  const pem = key.export({ type: 'spki', format: 'pem' }).toString()
  try {
    writeFileSync(out, pem, { flag: 'wx' })
  } catch (error) {
    say(pem)
    throw new CliError(EXIT.failed, `the key is made, but ${out} ${whyUnreadable(error)}: keep what is printed above`)
  }
  print(`made a key for backups: seal under ${out}`)
}

type Finding = 'in the backup' | 'not in the backup' | 'another secret in the backup' | 'not whole in the token'

function verify(options: BackupCommandOptions, file: string): void {
  const loaded = loadOrExit(options)
  const lines = readBackupFile(file)
  const rows = withToken(loaded, ({ token }) => {
    const secrets = readSecrets(token, (keyring) => keyring.list(nowSec()))
    return secrets.flatMap(({ label, generations }) => {
      const used = generations.filter(({ state }) => state === 'active' || state === 'retiring')
      return used.map(({ number }) => ({ label, generation: number, result: lookUp(token, lines, label, number) }))
    })
  })
  if (rows.some(({ result }) => result !== 'in the backup')) process.exitCode = EXIT.failed
  if (options.json === true) return print(JSON.stringify(rows, undefined, 2))
  const texts = rows.map(({ label, generation, result }) => [label, generation, result])
  printTable(['LABEL', 'GENERATION', 'RESULT'], texts)
}

function lookUp(token: Pkcs11Token, lines: readonly BackupLine[], label: string, number: number): Finding {
  const line = lines.findLast((one) => one.label === label && one.generation === number)
  if (line === undefined) return 'not in the backup'
  const found = token.find(label)
  const generation = 'fault' in found ? undefined : found.find((one) => one.number === number)
  if (generation === undefined) return 'not whole in the token'
  return checkOf(generation.secret) === line.check ? 'in the backup' : 'another secret in the backup'
}
