import { randomBytes } from 'node:crypto'
import { InvalidArgumentError, type Command } from 'commander'
import { formatDuration, readDuration } from '../../config/values/time.ts'
import { KEY_LENGTH } from '../../core/protocol/secret.ts'
import { changeSecrets } from '../../runtime/vault/secrets.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { print, say } from '../output.ts'
import { checkDomain } from '../secret.ts'
import { moment } from '../table.ts'
import { actOn, labelOf, nowSec } from './act.ts'
import { openBackup, withBackupOptions, type BackupOptions } from './backup-file.ts'
import { notForSealed, withToken } from './place.ts'
import { takeOver } from './running.ts'
import { showLinks, withLinkOptions, type LinkOptions } from './shown.ts'

interface RotateOptions extends ConfigOptions, LinkOptions, BackupOptions {
  /** Milliseconds. */
  readonly overlap: number
  readonly retire?: true
}

const DAY_MS = 86_400_000
const OVERLAP_MS = 7 * DAY_MS
const OVERLAP_MAX_MS = 366 * DAY_MS

export function addRotate(hsm: Command): void {
  const command = hsm.command('rotate').description('replace a secret by a new one; the old links go on for a while')
  withConfigOptions(command)
    .requiredOption('--label <label>', 'which secret')
    .option('--overlap <time>', 'how long the old links go on', overlap, OVERLAP_MS)
    .option('--retire', 'make nothing new: end what is left of the overlap')
  withBackupOptions(withLinkOptions(command))
    .addHelpText(
      'after',
      `
The new link is shown once. A running proxy takes it over at once; old links go
on for a week, or for --overlap, and end by themselves. With --overlap 0s they
end at once.

Examples:
  palisade hsm rotate --label family --overlap 3d --host 192.0.2.1
  palisade hsm rotate --label family --retire`,
    )
    .action((options: RotateOptions) => (options.retire === true ? retire(options) : rotate(options)))
}

async function rotate(options: RotateOptions): Promise<void> {
  const loaded = loadOrExit(options)
  const label = labelOf(options)
  checkDomain(options.mode, options.domain)
  const backup = openBackup(options)
  const overlapSec = Math.ceil(options.overlap / 1000)
  const key = randomBytes(KEY_LENGTH)
  try {
    const now = nowSec()
    const generation = await actOn(loaded, { name: 'rotate', label }, () =>
      withToken(
        loaded,
        ({ token }) => changeSecrets(token, (keyring) => keyring.rotate(label, key, { overlapSec, nowSec: now })),
        () => notForSealed(': generate another one, and destroy this one when nobody uses it'),
      ),
    )
    showLinks(loaded, options, key)
    const until = overlapSec === 0 ? 'old links have ended' : `old links go on until ${moment(now + overlapSec)}`
    say(`Generation ${generation} is active; ${until}.`)
    // Before a backup that fails: its link is out already.
    await takeOver(loaded)
    backup?.add({ label, generation, key })
  } finally {
    key.fill(0)
  }
}

async function retire(options: RotateOptions): Promise<void> {
  const loaded = loadOrExit(options)
  const label = labelOf(options)
  const ended = await actOn(loaded, { name: 'retire', label }, () =>
    withToken(loaded, ({ token }) => changeSecrets(token, (keyring) => keyring.retire(label, nowSec()))),
  )
  if (ended.length === 0) return print(`nothing of ${label} is retiring`)
  print(`retired: generation ${ended.join(', ')} of ${label}`)
  await takeOver(loaded)
}

function overlap(text: string): number {
  const ms = readDuration(text)
  if (ms !== undefined && ms <= OVERLAP_MAX_MS) return ms
  throw new InvalidArgumentError(`expected a duration from 0s to ${formatDuration(OVERLAP_MAX_MS)} such as "7d".`)
}
