/** Counts are told apart as 1, 2, 3, 4.., 8.., 16.., 32.., 128..: one turn more of a long loop is nothing new. */
const BUCKETS = Uint8Array.from({ length: 129 }, (_, count) => {
  if (count <= 3) return count === 0 ? 0 : 1 << (count - 1)
  return count < 8 ? 8 : count < 16 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128
})
const BUCKET_BITS = 8

/** What one execution did. */
export interface Look {
  /** It took a branch that none before it took, or took one in another bucket of times. */
  readonly isNew: boolean
  /** Branches taken, each as often as it was. */
  readonly work: number
}

/** Reads the counters of the instrumented code behind each execution, and knows what has been seen. */
export class Coverage {
  readonly #counters: Uint32Array
  readonly #seen: Uint8Array
  #taken = 0

  /** `counters`: one for each branch. They are set to zero. */
  constructor(counters: Uint32Array) {
    this.#counters = counters.fill(0)
    this.#seen = new Uint8Array(counters.length)
  }

  /** Branches that were ever taken. */
  get taken(): number {
    return this.#taken
  }
  get known(): number {
    return this.#counters.length
  }

  /** What the counters say now. They stay as they are: `features` or `clear` comes next. */
  look(): Look {
    const [counters, seen] = [this.#counters, this.#seen]
    let isNew = false
    let work = 0
    for (let at = 0; at < counters.length; at++) {
      const count = counters[at]
      if (count === 0) continue
      work += count
      const bucket = BUCKETS[count < 128 ? count : 128]
      if ((seen[at] & bucket) !== 0) continue
      if (seen[at] === 0) this.#taken++
      seen[at] |= bucket
      isNew = true
    }
    return { isNew, work }
  }

  /** Branch and bucket of all that was taken, one number each. */
  features(): Uint32Array {
    const found: number[] = []
    for (const [at, count] of this.#counters.entries())
      if (count > 0) found.push(at * BUCKET_BITS + Math.clz32(BUCKETS[Math.min(count, 128)]) - 24)
    return Uint32Array.from(found)
  }

  clear(): void {
    this.#counters.fill(0)
  }
}

/** Of a feature. */
export function branchOf(feature: number): number {
  return Math.floor(feature / BUCKET_BITS)
}
