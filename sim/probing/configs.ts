import { load } from '../../src/config/load.ts'
import { SecretRegistry } from '../../src/config/settings.ts'
import { assert } from '../../src/core/assert.ts'
import type { Settings } from '../../src/core/settings.ts'

/** A proxy that is probed. */
export interface ProbedConfig {
  readonly name: string
  readonly settings: Settings
  /** 16 bytes each, by the index of the secret. */
  readonly keys: readonly Uint8Array[]
  /** From how many addresses all its probes come; undefined: each from its own. */
  readonly sources?: number
}

const DOMAINS = ['www.example.com', 'shop.example.org', 'www.example.net']

/** All with a mask host, and for fake TLS alone. */
export const MASKED: readonly ProbedConfig[] = [
  configOf('one secret', secrets(1)),
  configOf('24 secrets of three domains', secrets(24)),
  configOf('no guard', `[guard]\nenabled = false\n${secrets(3)}`),
  // On the second failure a source is banned, and from then on refused: by the mask.
  {
    ...configOf('banned sources', `[guard]\nblock_score = 4\nanomaly = "enforce"\non_refuse = "mask"\n${secrets(3)}`),
    sources: 60,
  },
]

/** The mask host's patience begins when it is needed, and not with the first packet. */
export const LATE = configOf('mask host dialled late', `[mask]\ndial = "late"\n${secrets(3)}`)

/** Bytes that may still become the 64 of an init are waited for. */
export const ALL_MODES = configOf('every mode', secrets(3, '["fake-tls", "padded", "plain"]'))

/** Nobody to hand strangers to: the name leads nowhere. */
export const UNMASKED = configOf('no mask host', `[mask]\nhost = "nowhere.invalid"\n${secrets(2)}`)

function configOf(name: string, text: string): ProbedConfig {
  const loaded = load({ text: `${text}[telegram]\nmode = "direct"\n`, file: `${name}.toml`, read: noFile })
  assert(!('problems' in loaded), `the configuration "${name}" holds: ${JSON.stringify(loaded)}`)
  return { name, settings: new SecretRegistry().prepare(loaded).settings, keys: loaded.keys }
}

function secrets(count: number, modes = '["fake-tls"]'): string {
  const one = (at: number) => {
    const key = (at + 1).toString(16).padStart(32, 'c0ffee')
    return `[[secret]]\nname = "s${at}"\nkey = "${key}"\nmodes = ${modes}\ndomain = "${DOMAINS[at % DOMAINS.length]}"\n`
  }
  return Array.from({ length: count }, (_, at) => one(at)).join('')
}

function noFile(): never {
  throw Object.assign(new Error('these configurations are whole'), { code: 'ENOENT' })
}
