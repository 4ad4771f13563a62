/**
 * Numbers of worker processes, 0 up to a limit: each live one has its own, and with it its own column in the shared tables.
 * There are twice as many as workers, because old and new ones overlap while workers are replaced. A number is free again
 * only when its process is known to be gone.
 */
export class Columns {
  readonly count: number
  readonly #taken: Set<number>

  /** `taken`: by processes that run on from before us. */
  constructor(count: number, taken: readonly number[] = []) {
    this.count = count
    this.#taken = new Set(taken)
  }

  /** The lowest that is free; undefined when none is. */
  take(): number | undefined {
    for (let column = 0; column < this.count; column++) {
      if (this.#taken.has(column)) continue
      this.#taken.add(column)
      return column
    }
    return undefined
  }

  give(column: number): void {
    this.#taken.delete(column)
  }
}
