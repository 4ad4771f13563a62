import { progressLine, type Progress } from './progress.ts'

const CLEAR = '\r\u001b[2K'

/** A bar on standard error while runs go on, where that is a terminal; what is printed meanwhile goes to standard output above it. */
export class ProgressBar {
  readonly #wanted: number
  readonly #startedAt = performance.now()
  readonly #isShown: boolean
  #done = 0
  #failed = 0

  /** No bar for a single run: it would show nothing but its end. */
  constructor(wanted: number) {
    this.#wanted = wanted
    this.#isShown = process.stderr.isTTY && wanted > 1
    this.#draw()
  }

  /** One more is done. */
  done(isGood: boolean, text: string): void {
    this.#done++
    if (!isGood) this.#failed++
    this.#erase()
    process.stdout.write(`${text}\n`)
    if (this.#done < this.#wanted) this.#draw()
  }

  /** Whatever comes next has the line to itself. */
  close(): void {
    this.#erase()
  }

  #draw(): void {
    const progress: Progress = {
      ...{ done: this.#done, wanted: this.#wanted, failed: this.#failed },
      elapsedMs: performance.now() - this.#startedAt,
    }
    if (this.#isShown) process.stderr.write(CLEAR + progressLine(progress))
  }

  #erase(): void {
    if (this.#isShown) process.stderr.write(CLEAR)
  }
}
