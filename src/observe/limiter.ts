export interface LineLimit {
  readonly windowMs: number
  readonly lines: number
}

const USUAL: LineLimit = { windowMs: 10_000, lines: 5 }
/** For what goes on until somebody does something about it. */
export const ONCE_IN_A_WHILE: LineLimit = { windowMs: 600_000, lines: 1 }

interface Count {
  windowStart: number
  written: number
  suppressed: number
}

/** Thins out lines that a stranger or a broken network can cause by the thousand. Names come from closed sets, so it is bounded. */
export class LineLimiter {
  readonly #counts = new Map<string, Count>()

  /** Undefined: do not write this one. Else how many of this name were left out since the last one written. */
  take(name: string, nowMs: number, { windowMs, lines }: LineLimit = USUAL): number | undefined {
    let count = this.#counts.get(name)
    if (count === undefined) this.#counts.set(name, (count = { windowStart: nowMs, written: 0, suppressed: 0 }))
    if (nowMs - count.windowStart >= windowMs) {
      count.windowStart = nowMs
      count.written = 0
    }
    if (count.written >= lines) {
      count.suppressed++
      return undefined
    }
    count.written++
    const { suppressed } = count
    count.suppressed = 0
    return suppressed
  }
}
