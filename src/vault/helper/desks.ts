import { stateFrame } from './answers.ts'
import { HelperDesk, LabelBook, type LabelVault } from './desk.ts'

export interface HelperDesksOptions {
  readonly vault: LabelVault & { readonly isReachable: boolean }
  /** Monotonic ms of the machine. */
  readonly now: () => number
}

type Write = (frame: Uint8Array) => void

/** All connections of a helper: each has its desk, and all are told whether the token is used. */
export class HelperDesks {
  readonly #options: HelperDesksOptions
  readonly #book: LabelBook
  readonly #writes = new Set<Write>()
  #told: boolean

  constructor(options: HelperDesksOptions) {
    this.#options = options
    this.#book = new LabelBook(options.vault)
    this.#told = options.vault.isReachable
  }

  /** One more connection. */
  open(write: Write): { heard(chunk: Uint8Array): boolean; close(): void } {
    const desk = new HelperDesk({ ...this.#options, book: this.#book, write })
    this.#writes.add(write)
    write(stateFrame(this.#told))
    return {
      heard: (chunk) => {
        const isGood = desk.heard(chunk)
        this.look()
        return isGood
      },
      close: () => {
        this.#writes.delete(write)
        desk.close()
      },
    }
  }

  /** To be called some times a second, as a token comes and goes by itself. */
  look(): void {
    const { isReachable } = this.#options.vault
    if (isReachable === this.#told) return
    this.#told = isReachable
    for (const write of this.#writes) write(stateFrame(isReachable))
  }
}
