import { crc32 } from 'node:zlib'
import type { Mode } from '../events.ts'
import type { SecretMarks } from '../guard/trials.ts'
import type { SecretId } from '../ports.ts'
import type { SecretSettings } from '../settings.ts'

const NONE: readonly SecretId[] = []

/** The configured secrets, indexed for the ways they are looked up. Immutable; a reload makes a new one. */
export class SecretTable implements SecretMarks {
  readonly #byId = new Map<SecretId, SecretSettings>()
  readonly #marks = new Map<SecretId, number>()
  readonly #byMark = new Map<number, SecretId>()
  readonly #byDomain = new Map<string, SecretId[]>()
  readonly #fakeTls: SecretId[] = []
  readonly #obfuscated: SecretId[] = []

  constructor(secrets: readonly SecretSettings[]) {
    for (const secret of secrets) {
      this.#byId.set(secret.id, secret)
      // Names are the same in every process. Where two had one mark, one of them is tried in vain once more.
      const mark = crc32(secret.name) | 0 || 1
      this.#marks.set(secret.id, mark)
      this.#byMark.set(mark, secret.id)
      if (secret.modes.includes('fake-tls')) {
        this.#fakeTls.push(secret.id)
        const same = this.#byDomain.get(secret.domain)
        if (same === undefined) this.#byDomain.set(secret.domain, [secret.id])
        else same.push(secret.id)
      }
      if (secret.modes.includes('plain') || secret.modes.includes('padded')) this.#obfuscated.push(secret.id)
    }
  }

  get(id: SecretId): SecretSettings | undefined {
    return this.#byId.get(id)
  }

  markOf(id: SecretId): number {
    return this.#marks.get(id) ?? 0
  }

  byMark(mark: number): SecretId | undefined {
    return this.#byMark.get(mark)
  }

  /** Secrets that may answer a ClientHello: those of the named host, or all when the client named none (some clients send no SNI). */
  forHello(sni: string | undefined): readonly SecretId[] {
    return sni === undefined ? this.#fakeTls : (this.#byDomain.get(sni) ?? NONE)
  }

  /** Secrets that may answer 64 obfuscated bytes. */
  forInit(): readonly SecretId[] {
    return this.#obfuscated
  }

  /** Why that secret is not good for a client of that mode now; undefined when it is. */
  refusal(id: SecretId, mode: Mode, wallSec: number): 'mode-not-allowed' | 'expired' | undefined {
    const secret = this.#byId.get(id)
    if (secret === undefined || !secret.modes.includes(mode)) return 'mode-not-allowed'
    return secret.expiresAt === 0 || wallSec < secret.expiresAt ? undefined : 'expired'
  }
}
