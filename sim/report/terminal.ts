import { progressText, type Progress } from './progress.ts'

const COLUMNS = 80
const EVERY_MS = { terminal: 1_000, log: 10_000 }
const CLEAR_LINE = '\r\x1b[K'

/** Tells of progress on stderr until `end`: one line that changes on a terminal, a line now and then elsewhere. */
export class ProgressLine {
  readonly #read: () => Progress
  readonly #isTerminal = process.stderr.isTTY === true
  readonly #timer: NodeJS.Timeout

  constructor(read: () => Progress) {
    this.#read = read
    this.#timer = setInterval(() => this.show(), this.#isTerminal ? EVERY_MS.terminal : EVERY_MS.log)
    if (this.#isTerminal) this.show()
  }

  /** Takes the line away, so that something else can be written. */
  clear(): void {
    if (this.#isTerminal) process.stderr.write(CLEAR_LINE)
  }

  end(): void {
    clearInterval(this.#timer)
    this.clear()
  }

  show(): void {
    const text = progressText(this.#read())
    // A terminal that does not know its width says 0.
    const columns = process.stderr.columns || COLUMNS
    process.stderr.write(this.#isTerminal ? `${CLEAR_LINE}${text.slice(0, columns - 1)}` : `${text}\n`)
  }
}
