/** What was opened, closed once, the last first. */
export class Closing {
  readonly #steps: (() => void | Promise<void>)[] = []
  readonly #settled = Promise.withResolvers<void>()
  #isRunning = false
  readonly done: Promise<void> = this.#settled.promise

  add(step: () => void | Promise<void>): void {
    this.#steps.push(step)
  }

  /** Harmless when called again; `done` settles when everything is closed. */
  readonly run = (): void => {
    if (this.#isRunning) return
    this.#isRunning = true
    this.#close().then(this.#settled.resolve, this.#settled.reject)
  }

  async #close(): Promise<void> {
    for (const step of this.#steps.reverse()) await step()
  }
}
