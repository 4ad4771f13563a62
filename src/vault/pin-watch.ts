/** Nobody is trying the PIN, and it was not refused. A number above 0 is the process that is trying it. */
const FREE = 0
const REFUSED = -1

export interface PinWatchOptions {
  /** Of this process. */
  readonly pid: number
  /** Whether that process still runs. */
  readonly isAlive: (pid: number) => boolean
}

/**
 * One word that all processes of a proxy map. A token locks itself after a few wrong PINs, and each process logs in by itself: once
 * it refused the PIN to one of them, no other sends it again, and while one tries, the others wait for how that ends.
 */
export class PinWatch {
  readonly #word: Int32Array
  readonly #options: PinWatchOptions

  constructor(word: Int32Array, options: PinWatchOptions) {
    this.#word = word
    this.#options = options
  }

  get isRefused(): boolean {
    return Atomics.load(this.#word, 0) === REFUSED
  }

  /** For whoever starts the proxy: what was refused before was perhaps another PIN. */
  reset(): void {
    Atomics.store(this.#word, 0, FREE)
  }

  refuse(): void {
    Atomics.store(this.#word, 0, REFUSED)
  }

  /** `go`: the PIN may be tried, and `end` tells how that went. `busy`: somebody else is trying it. */
  begin(): 'go' | 'refused' | 'busy' {
    const { pid, isAlive } = this.#options
    const found = Atomics.compareExchange(this.#word, 0, FREE, pid)
    if (found === FREE) return 'go'
    if (found === REFUSED) return 'refused'
    if (isAlive(found)) return 'busy'
    // It died while it tried. Only one may take its place.
    return Atomics.compareExchange(this.#word, 0, found, pid) === found ? 'go' : 'busy'
  }

  end(isRefused: boolean): void {
    Atomics.store(this.#word, 0, isRefused ? REFUSED : FREE)
  }
}
