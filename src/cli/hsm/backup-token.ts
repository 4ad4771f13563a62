import type { Command } from 'commander'
import type { LoadedConfig } from '../../config/load.ts'
import { Pkcs11Module } from '../../runtime/vault/pkcs11.ts'
import { Pkcs11Token } from '../../runtime/vault/token.ts'
import { CliError, EXIT } from '../exit.ts'
import { orExit } from './act.ts'
import { readPinOption } from './pin-option.ts'

/** Which token has the private key. It is named on the command line: the proxy's configuration has no business with it. */
export interface BackupTokenOptions {
  readonly backupToken?: string
  readonly backupPin?: string
  readonly backupModule?: string
}

export function withBackupToken(command: Command): Command {
  return command
    .option('--backup-token <name>', 'label or serial number of the token that opens backups')
    .option('--backup-pin <source>', 'its PIN: env:NAME or file:PATH')
    .option('--backup-module <path>', 'its PKCS#11 module (default: hsm.module)')
}

/** Opens it for one command, at a time when the proxy's own is not open: a module is for the whole process. */
export function withBackupTokenOpen<T>(
  { config }: LoadedConfig,
  { backupToken: name, backupPin, backupModule }: BackupTokenOptions,
  use: (token: Pkcs11Token) => T,
): T {
  if (name === undefined || backupPin === undefined)
    throw new CliError(EXIT.usage, '--backup-token and --backup-pin: expected, to open the token that has the key')
  const pin = readPinOption('--backup-pin', backupPin)
  const path = backupModule ?? config.hsm.module
  if (path === '') throw new CliError(EXIT.usage, '--backup-module: expected the path of a PKCS#11 module')
  return orExit(() => {
    const module = Pkcs11Module.load(path)
    try {
      const { label, serial } = module.token(name)
      if (path === config.hsm.module && [label, serial].includes(config.hsm.token))
        throw new CliError(EXIT.usage, `--backup-token: expected another token than hsm.token, whose secrets it keeps`)
      const token = new Pkcs11Token({ module, name, pin, sessions: 1 })
      return use(token)
    } finally {
      module.finalise()
    }
  })
}
