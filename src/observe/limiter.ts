const WINDOW_MS = 10_000
const LINES_PER_WINDOW = 5

interface Count {
  windowStart: number
  written: number
  suppressed: number
}

/** Thins out lines that a stranger or a broken network can cause by the thousand. Names come from closed sets, so it is bounded. */
export class LineLimiter {
  readonly #counts = new Map<string, Count>()

  /** Undefined: do not write this one. Else how many of this name were left out since the last one written. */
  take(name: string, nowMs: number): number | undefined {
    let count = this.#counts.get(name)
    if (count === undefined) this.#counts.set(name, (count = { windowStart: nowMs, written: 0, suppressed: 0 }))
    if (nowMs - count.windowStart >= WINDOW_MS) {
      count.windowStart = nowMs
      count.written = 0
    }
    if (count.written >= LINES_PER_WINDOW) {
      count.suppressed++
      return undefined
    }
    count.written++
    const { suppressed } = count
    count.suppressed = 0
    return suppressed
  }
}
