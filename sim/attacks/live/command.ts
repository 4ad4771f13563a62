import type { Address } from '../../../src/core/ports.ts'
import { shellWord } from '../../report/file.ts'

export interface CommandOptions {
  readonly name: string
  readonly seed: number
  readonly proxy: Address
  readonly secrets: readonly unknown[]
  readonly scale: number
  readonly speed: number | { readonly timeMs: number }
  readonly telegram?: Address
  /** File of the configuration of that proxy. */
  readonly config?: string
}

/** Plays it again, with variables of the shell in place of secrets: who reads a report need not know them. */
export function liveCommandOf(options: CommandOptions): string {
  const { name, seed, proxy, secrets, scale, speed, telegram, config } = options
  const at = ({ ip, port }: Address) => `${ip}:${port}`
  return [
    `palisade sim run ${shellWord(name)} --seed ${seed} --live ${at(proxy)}`,
    ...secrets.map((_, i) => `--secret "$SECRET${secrets.length === 1 ? '' : i + 1}"`),
    ...(telegram === undefined ? [] : [`--telegram ${at(telegram)}`]),
    ...(scale === 1 ? [] : [`--scale ${scale}`]),
    ...(typeof speed === 'object' ? [`--time ${speed.timeMs}ms`] : speed === 1 ? [] : [`--speed ${speed}`]),
    ...(config === undefined ? [] : [`--config ${shellWord(config)}`]),
  ].join(' ')
}
