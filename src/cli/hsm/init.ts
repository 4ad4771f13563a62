import type { Command } from 'commander'
import { initToken } from '../../runtime/vault/init.ts'
import { openModule, pinOf } from '../../start/token.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { print } from '../output.ts'
import { actOn, orExit } from './act.ts'
import { readPinOption } from './pin-option.ts'

interface InitOptions extends ConfigOptions {
  readonly soPin: string
}

export function addInit(hsm: Command): void {
  withConfigOptions(hsm.command('init').description('make the token of hsm.token, with the PIN of hsm.pin'))
    .requiredOption('--so-pin <source>', 'PIN of its security officer: env:NAME or file:PATH')
    .addHelpText(
      'after',
      `
Works where the module has an empty token, which SoftHSM always does. For other
modules make the token with its maker's tool.

Example:
  HSM_PIN=... SO_PIN=... palisade hsm init --so-pin env:SO_PIN`,
    )
    .action(init)
}

async function init(options: InitOptions): Promise<void> {
  const loaded = loadOrExit(options)
  const soPin = readPinOption('--so-pin', options.soPin)
  const { serial } = await actOn(loaded, { name: 'init' }, () =>
    orExit(() => {
      const module = openModule(loaded)
      try {
        return initToken(module, { label: loaded.config.hsm.token, pin: pinOf(loaded), soPin })
      } finally {
        module.finalise()
      }
    }),
  )
  print(`made token "${loaded.config.hsm.token}" with serial number ${serial}`)
}
