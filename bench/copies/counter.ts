import { createCipheriv, createDecipheriv } from 'node:crypto'

/** What the code under test did with memory for bytes, as long as it was watched. */
export interface Counts {
  /** New memory: typed arrays with a buffer of their own. */
  allocations: number
  allocatedBytes: number
  /** Views of memory that exists. */
  views: number
  /** By `set`, `copyWithin`, `slice` and `from`. */
  copiedBytes: number
  /** Results of ciphers, which node:crypto always puts into new memory. */
  cipherOutputs: number
  cipherBytes: number
}

const NOTHING: Counts = {
  ...{ allocations: 0, allocatedBytes: 0, views: 0, copiedBytes: 0 },
  ...{ cipherOutputs: 0, cipherBytes: 0 },
}

type Method = (this: unknown, ...args: unknown[]) => unknown
type Methods = Record<string, Method>

/**
 * Counts by replacing the constructor and the methods of Uint8Array for the whole process: for a bench alone. What is not
 * watched (the world around the proxy) costs a call more and counts nothing.
 */
export class ByteCounter {
  readonly counts: Counts = { ...NOTHING }
  /** Inside the code under test; false in what that calls. */
  #isWatching = false

  constructor() {
    this.#countConstructor()
    this.#countCopies()
    this.#countCiphers()
  }

  /** Runs `step` as the code under test; or, with false, as the world that it calls. */
  watch<T>(step: () => T, isWatching = true): T {
    const before = this.#isWatching
    this.#isWatching = isWatching
    try {
      return step()
    } finally {
      this.#isWatching = before
    }
  }

  reset(): void {
    Object.assign(this.counts, NOTHING)
  }

  #allocated(bytes: number): void {
    this.counts.allocations++
    this.counts.allocatedBytes += bytes
  }

  #countConstructor(): void {
    const { counts } = this
    globalThis.Uint8Array = new Proxy(Uint8Array, {
      construct: (target, args: unknown[], newTarget: new () => object) => {
        const made = Reflect.construct(target, args, newTarget) as Uint8Array
        if (this.#isWatching) {
          if (args[0] instanceof ArrayBuffer) counts.views++
          else this.#allocated(made.length)
        }
        return made
      },
    })
    globalThis.ArrayBuffer = new Proxy(ArrayBuffer, {
      construct: (target, args: unknown[], newTarget: new () => object) => {
        if (this.#isWatching) this.#allocated(Number(args[0]))
        return Reflect.construct(target, args, newTarget) as ArrayBuffer
      },
    })
    const from = Uint8Array.from.bind(Uint8Array) as Method
    ;(Uint8Array as unknown as Methods).from = (...args) => {
      const made = this.watch(() => from(...args), false) as Uint8Array
      if (this.#isWatching) {
        this.#allocated(made.length)
        counts.copiedBytes += made.length
      }
      return made
    }
  }

  #countCopies(): void {
    const { counts } = this
    const shared = Object.getPrototypeOf(Uint8Array.prototype) as Methods
    this.#wrap(shared, 'subarray', () => counts.views++)
    this.#wrap(shared, 'set', (_result, source) => (counts.copiedBytes += (source as Uint8Array).length))
    this.#wrap(shared, 'copyWithin', (_result, _to, from, end) => (counts.copiedBytes += Number(end) - Number(from)))
    this.#wrap(shared, 'slice', (result) => {
      this.#allocated((result as Uint8Array).length)
      counts.copiedBytes += (result as Uint8Array).length
    })
  }

  #countCiphers(): void {
    const { counts } = this
    const key = new Uint8Array(32)
    const iv = new Uint8Array(16)
    const told = (result: unknown) => {
      counts.cipherOutputs++
      counts.cipherBytes += (result as Uint8Array).length
    }
    for (const cipher of [createCipheriv('aes-256-ctr', key, iv), createDecipheriv('aes-256-cbc', key, iv)])
      this.#wrap(Object.getPrototypeOf(cipher) as Methods, 'update', told)
  }

  /** What the method calls in turn is its own business. */
  #wrap(owner: Methods, name: string, tell: (result: unknown, ...args: unknown[]) => void): void {
    const method = owner[name]
    const watch = this.watch.bind(this)
    const isWatching = () => this.#isWatching
    owner[name] = function (...args) {
      if (!isWatching()) return method.apply(this, args)
      const result = watch(() => method.apply(this, args), false)
      tell(result, ...args)
      return result
    }
  }
}
