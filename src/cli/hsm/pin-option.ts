import { resolve } from 'node:path'
import { readTextFile } from '../../config/key-files.ts'
import { readPin } from '../../config/pin.ts'
import { PIN_ALLOWED, pinSource } from '../../config/values/pin-source.ts'
import { CliError, EXIT } from '../exit.ts'

/** The PIN that an option such as `--so-pin env:NAME` names. A `CliError` says what is wrong. */
export function readPinOption(name: string, option: string): string {
  const read = pinSource().safeParse(option)
  if (!read.success) throw new CliError(EXIT.usage, `${name}: expected ${PIN_ALLOWED}`)
  const source = read.data.from === 'file' ? { ...read.data, path: resolve(read.data.path) } : read.data
  const result = readPin(source, process.env, readTextFile)
  if ('pin' in result) return result.pin
  throw new CliError(EXIT.usage, `${name}: expected ${result.allowed}`)
}
