import type { SeededRandom } from '../world/random.ts'
import { FakeToken } from '../world/token.ts'
import type { World } from '../world/world.ts'

/** What may come over a token. */
export const TOKEN_TROUBLES = ['away', 'hiccup', 'garbage', 'silent', 'dead-copies', 'lost-key'] as const
export type TokenTroubleKind = (typeof TOKEN_TROUBLES)[number]

/** How late every answer may be for a while. */
export const SLOW_MS = 500
const LASTS_MS = { min: 500, max: 30_000 }
/** The key is missed when everything is looked for anew. */
const LOST_AFTER_MS = 2_000
const HICCUPS_MAX = 5
/** CKR_DEVICE_ERROR, CKR_SESSION_HANDLE_INVALID of PKCS#11 v2.40; of a helper process that waits in vain. */
const GONE = { code: 'CKR_DEVICE_ERROR', value: 0x30 }
const SESSION_DEAD = { code: 'CKR_SESSION_HANDLE_INVALID', value: 0xb3 }
const TIMEOUT = { code: 'no answer in time' }

/** The token of a run and how it is, which nobody but checkers knows. Each process has a module and a login of its own. */
export class TokenTrouble {
  readonly #modules = new Set<FakeToken>()
  readonly #world: World
  readonly #keys: readonly Uint8Array[]
  /** By how much answers are late, in ms, from a token or from memory. */
  slowMs = 0
  #wellSince: number | undefined
  #garbageSince: number | undefined

  constructor(world: World, keys: readonly Uint8Array[]) {
    this.#world = world
    this.#keys = keys
    this.heal()
  }

  /** As one more process has it. While it is in trouble that one cannot begin. */
  open(): FakeToken {
    const token = new FakeToken()
    this.#keys.forEach((key, at) => token.keys.set(String(at + 1), key))
    if (this.isWell) this.#modules.add(token)
    return token
  }

  /** All processes are gone. */
  forget(): void {
    this.#modules.clear()
  }

  get isWell(): boolean {
    return this.#wellSince !== undefined
  }

  /** Virtual ms; undefined while it is in trouble. */
  get wellSince(): number | undefined {
    return this.#wellSince
  }

  /** When the last time began in which it gave wrong answers, be it over or not. */
  get garbageSince(): number | undefined {
    return this.#garbageSince
  }

  /** Some trouble, which ends by itself in a while. */
  begin(random: SeededRandom): TokenTroubleKind {
    const kind = random.pick(TOKEN_TROUBLES)
    this.#wellSince = undefined
    this.#make(kind, random)
    this.#world.after(random.between(LASTS_MS.min, LASTS_MS.max), () => this.heal())
    return kind
  }

  /** All trouble is over, and no key is missing. */
  heal(): void {
    for (const token of this.#modules) {
      token.heal()
      this.#keys.forEach((key, at) => token.keys.set(String(at + 1), key))
    }
    this.#wellSince ??= this.#world.now
  }

  #make(kind: TokenTroubleKind, random: SeededRandom): void {
    switch (kind) {
      case 'away':
        return this.#refuse(GONE)
      case 'silent':
        for (const token of this.#modules) token.isSilent = true
        return this.#refuse(TIMEOUT)
      case 'hiccup': {
        const calls = random.between(1, HICCUPS_MAX)
        for (const token of this.#modules) token.fail({ ...SESSION_DEAD, calls })
        return
      }
      case 'garbage':
        for (const token of this.#modules) token.givesGarbage = true
        this.#garbageSince = this.#world.now
        return
      case 'dead-copies':
        // As if somebody else had initialised the module.
        for (const token of this.#modules) {
          token.failRestart(undefined)
          token.restart()
        }
        return
      case 'lost-key': {
        const label = String(random.between(1, this.#keys.length))
        for (const token of this.#modules) token.keys.delete(label)
        this.#refuse(GONE)
        this.#world.after(LOST_AFTER_MS, () => this.#modules.forEach((token) => token.heal()))
      }
    }
  }

  #refuse(failure: { readonly code: string; readonly value?: number }): void {
    for (const token of this.#modules) {
      token.fail(failure)
      token.failRestart(failure)
    }
  }
}
