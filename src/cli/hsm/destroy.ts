import type { Command } from 'commander'
import { changeSecrets, readSecrets } from '../../runtime/vault/secrets.ts'
import { GENERATION_MAX } from '../../vault/generations.ts'
import type { StoredGeneration, StoredSecret } from '../../vault/keyring.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { CliError, EXIT } from '../exit.ts'
import { wholeNumber } from '../numbers.ts'
import { print } from '../output.ts'
import { actOn, labelOf, nowSec, usersByLabel } from './act.ts'
import { withToken } from './place.ts'
import { takeOver } from './running.ts'
import { destroySealed } from './sealed.ts'

interface DestroyOptions extends ConfigOptions {
  readonly label: string
  readonly generation?: number
  readonly force?: true
}

interface Destroyed {
  readonly meant: readonly Pick<StoredGeneration, 'number' | 'state'>[]
  readonly isInUse: boolean
}

export function addDestroy(hsm: Command): void {
  withConfigOptions(hsm.command('destroy').description('delete a secret from the token, or a sealed one, for good'))
    .requiredOption('--label <label>', 'which secret')
    .option('--generation <number>', 'this generation alone', wholeNumber(1, GENERATION_MAX))
    .option('--force', 'also where somebody uses it')
    .addHelpText(
      'after',
      `
A generation that is active or retiring, and a secret that the configuration
names, are refused without --force. With it, a running proxy lets nobody in by
them before they are destroyed.

Example:
  palisade hsm destroy --label family --generation 1`,
    )
    .action(destroy)
}

async function destroy(options: DestroyOptions): Promise<void> {
  const loaded = loadOrExit(options)
  const label = labelOf(options)
  const { generation: number } = options
  const about = { name: 'destroy', label, ...(number === undefined ? {} : { generation: number }) } as const
  const user = usersByLabel(loaded).get(label)
  const { meant, isInUse } = await actOn(loaded, about, () =>
    withToken<Destroyed>(
      loaded,
      ({ token }) => {
        const secret = readSecrets(token, (keyring) => keyring.get(label, nowSec()))
        const found = meantBy(label, secret, number)
        const why = whyNot(found, secret, user)
        if (why !== undefined && options.force !== true)
          throw new CliError(EXIT.failed, `${label} is in use: ${why}; --force destroys it nevertheless`)
        const used = found.some(({ state }) => state === 'active' || state === 'retiring')
        changeSecrets(token, (keyring) => (used ? keyring.condemn(label, number) : keyring.destroy(label, number)))
        return { meant: found, isInUse: used }
      },
      () => ({ meant: destroySealed(loaded, label, { number, user, force: options.force === true }), isInUse: false }),
    ),
  )
  if (isInUse) {
    // Whoever uses it has to let go of it first: a label that is gone would be refused at a reload, and its copies would serve on.
    if (!(await takeOver(loaded))) throw new CliError(EXIT.failed, `${label} is retired, and not destroyed yet`)
    withToken(loaded, ({ token }) => changeSecrets(token, (keyring) => keyring.destroy(label, number)))
  }
  const numbers = meant.map((one) => `${one.number} (${isInUse && one.state !== 'created' ? 'was ' : ''}${one.state})`)
  print(`destroyed: ${label}, generation ${numbers.join(', ')}`)
}

function meantBy(label: string, secret: StoredSecret | undefined, number?: number): readonly StoredGeneration[] {
  if (secret === undefined) throw new CliError(EXIT.failed, `the token has no secret with the label ${label}`)
  const meant = secret.generations.filter((one) => number === undefined || one.number === number)
  if (meant.length > 0 || number === undefined) return meant
  const numbers = secret.generations.map((one) => one.number).join(', ')
  throw new CliError(EXIT.failed, `${label} has no generation ${number}; it has ${numbers}`)
}

/** What speaks against destroying that, in a few words. */
function whyNot(
  meant: readonly StoredGeneration[],
  secret: StoredSecret | undefined,
  user: string | undefined,
): string | undefined {
  const isWhole = meant.length === secret?.generations.length
  if (isWhole && user !== undefined) return `the configuration names it, for user "${user}"`
  const used = meant.find(({ state }) => state === 'active' || state === 'retiring')
  return used === undefined ? undefined : `generation ${used.number} is ${used.state}`
}
