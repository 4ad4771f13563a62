import { resolve } from 'node:path'
import type { Command } from 'commander'
import { readTextFile } from '../../config/key-files.ts'
import { readPin } from '../../config/pin.ts'
import { PIN_ALLOWED, pinSource } from '../../config/values/pin-source.ts'
import { initToken } from '../../runtime/vault/init.ts'
import { openModule, pinOf } from '../../start/token.ts'
import { loadOrExit, withConfigOptions, type ConfigOptions } from '../config-file.ts'
import { CliError, EXIT } from '../exit.ts'
import { print } from '../output.ts'
import { actOn, orExit } from './act.ts'

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

function init(options: InitOptions): void {
  const loaded = loadOrExit(options)
  const soPin = soPinOf(options.soPin)
  const { serial } = orExit(() => {
    const module = openModule(loaded)
    try {
      const pin = pinOf(loaded)
      return actOn(loaded, { name: 'init' }, () => initToken(module, { label: loaded.config.hsm.token, pin, soPin }))
    } finally {
      module.finalise()
    }
  })
  print(`made token "${loaded.config.hsm.token}" with serial number ${serial}`)
}

function soPinOf(option: string): string {
  const read = pinSource().safeParse(option)
  if (!read.success) throw new CliError(EXIT.usage, `--so-pin: expected ${PIN_ALLOWED}`)
  const source = read.data.from === 'file' ? { ...read.data, path: resolve(read.data.path) } : read.data
  const result = readPin(source, process.env, readTextFile)
  if ('pin' in result) return result.pin
  throw new CliError(EXIT.usage, `--so-pin: expected ${result.allowed}`)
}
