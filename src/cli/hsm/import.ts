import type { Command } from 'commander'
import { KEY_ALLOWED, keyHint, readKey } from '../../config/values/secret-key.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { CliError, EXIT } from '../exit.ts'
import { print } from '../output.ts'
import { labelOf } from './act.ts'
import { openBackup, withBackupOptions, type BackupOptions } from './backup-file.ts'
import { storeNew, whereIs, type NewPlace } from './place.ts'

interface ImportOptions extends ConfigOptions, BackupOptions {
  readonly label: string
}

/** 32 hex digits and the end of a line, with room for blanks around them. */
const INPUT_MAX = 128

export function addImport(hsm: Command): void {
  const command = hsm.command('import').description('put a secret that clients know already into the token, or seal it')
  withBackupOptions(withConfigOptions(command))
    .requiredOption('--label <label>', 'what it is called there')
    .requiredOption('--stdin', `read ${KEY_ALLOWED} from standard input`)
    .addHelpText(
      'after',
      '\nThe secret was outside the token: it may lie elsewhere still. palisade hsm generate makes\n' +
        'one that lies nowhere else.\n\nExample:\n  palisade hsm import --label family --stdin < key.txt',
    )
    .action(importSecret)
}

async function importSecret(options: ImportOptions): Promise<void> {
  const loaded = loadOrExit(options)
  const label = labelOf(options)
  const text = (await readInput()).trim()
  const key = readKey(text)
  if (key === undefined)
    throw new CliError(EXIT.usage, `--stdin: expected ${KEY_ALLOWED} and nothing else (${keyHint(text)})`)
  let place: NewPlace
  try {
    const backup = openBackup(options)
    place = await storeNew(loaded, 'import', label, key)
    backup?.add({ label, generation: 1, key })
  } finally {
    key.fill(0)
  }
  print(`${whereIs(loaded, place)}: use it with key = "hsm:${label}"`)
}

async function readInput(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > INPUT_MAX) break
  }
  return text
}
