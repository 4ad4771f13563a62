import { createRequire } from 'node:module'

export type Koffi = typeof import('koffi')

let loaded: Koffi | undefined

/** koffi, loaded when it is first needed: it is native, and not every installation has it. */
export function loadKoffi(): Koffi {
  try {
    return (loaded ??= createRequire(import.meta.url)('koffi') as Koffi)
  } catch (error) {
    throw new Error(
      'the package koffi does not load here, and Node needs it for files and sockets: use Bun (--runtime bun)',
      {
        cause: error,
      },
    )
  }
}
