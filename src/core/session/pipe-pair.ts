import type { Pipe } from './pipe.ts'

/** Both directions of a connection, held and let go together. */
export class PipePair {
  readonly #fromClient: Pipe
  readonly #toClient: Pipe
  #isClientFirst = true

  constructor(fromClient: Pipe, toClient: Pipe) {
    this.#fromClient = fromClient
    this.#toClient = toClient
  }

  /** For want of bandwidth. */
  hold(): void {
    this.#fromClient.hold()
    this.#toClient.hold()
  }

  /** First one, then the other: whoever is read first may use up what there is, and both are held again before the other is read. */
  letGo(): void {
    this.#isClientFirst = !this.#isClientFirst
    if (this.#isClientFirst) this.#fromClient.letGo()
    this.#toClient.letGo()
    if (!this.#isClientFirst) this.#fromClient.letGo()
  }
}
