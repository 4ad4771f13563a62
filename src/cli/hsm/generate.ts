import { randomBytes } from 'node:crypto'
import type { Command } from 'commander'
import { KEY_LENGTH } from '../../core/protocol/secret.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { checkDomain } from '../secret.ts'
import { labelOf } from './act.ts'
import { openBackup, withBackupOptions, type BackupOptions } from './backup-file.ts'
import { storeNew, whereIs } from './place.ts'
import { showLinks, withLinkOptions, type LinkOptions } from './shown.ts'

interface GenerateOptions extends ConfigOptions, LinkOptions, BackupOptions {}

export function addGenerate(hsm: Command): void {
  const command = hsm
    .command('generate')
    .description('make a secret in the token, or sealed by it; its link is shown once')
  withConfigOptions(command).requiredOption('--label <label>', 'what it is called there')
  withBackupOptions(withLinkOptions(command))
    .addHelpText(
      'after',
      `
Where the configuration has a secret with key = "hsm:LABEL" already, its modes
and its domain are those of the links. Keep the link: nobody can show it again.

Example:
  palisade hsm generate --label family --host 192.0.2.1`,
    )
    .action(generate)
}

async function generate(options: GenerateOptions): Promise<void> {
  const loaded = loadOrExit(options)
  const label = labelOf(options)
  checkDomain(options.mode, options.domain)
  const backup = openBackup(options)
  const key = randomBytes(KEY_LENGTH)
  try {
    const place = await storeNew(loaded, 'generate', label, key)
    showLinks(loaded, options, key, whereIs(loaded, place))
    backup?.add({ label, generation: 1, key })
  } finally {
    key.fill(0)
  }
}
