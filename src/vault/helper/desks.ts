import { stateFrame, troubleFrame, type Trouble } from './answers.ts'
import { HelperDesk, LabelBook, type DeskOptions, type LabelVault } from './desk.ts'

export interface HelperDesksOptions extends Pick<DeskOptions, 'now' | 'random'> {
  readonly vault: LabelVault & { readonly isReachable: boolean }
}

type Write = (frame: Uint8Array) => void

/** All connections of a helper: each has its desk, and all are told whether the token is used. */
export class HelperDesks {
  readonly #options: HelperDesksOptions
  readonly #book: LabelBook
  readonly #writes = new Set<Write>()
  /** Those who want to know of troubles, in the order they said so. */
  readonly #listeners = new Set<Write>()
  #told: boolean

  constructor(options: HelperDesksOptions) {
    this.#options = options
    this.#book = new LabelBook(options.vault)
    this.#told = options.vault.isReachable
  }

  /** One more connection. */
  open(write: Write): { heard(chunk: Uint8Array): boolean; close(): void } {
    const desk = new HelperDesk({
      ...this.#options,
      book: this.#book,
      write,
      onListen: () => this.#listeners.add(write),
    })
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
        this.#listeners.delete(write)
        desk.close()
      },
    }
  }

  /** Told to one of those who listen: each counts for the whole proxy. */
  tell(trouble: Trouble): void {
    const [first] = this.#listeners
    first?.(troubleFrame(trouble))
  }

  /** To be called some times a second, as a token comes and goes by itself. */
  look(): void {
    const { isReachable } = this.#options.vault
    if (isReachable === this.#told) return
    this.#told = isReachable
    for (const write of this.#writes) write(stateFrame(isReachable))
  }
}
