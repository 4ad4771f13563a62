import type { FamilyPrefixes } from './prefixes.ts'

/** Prefixes that all stand for one value, 0..255. */
export interface Valued {
  readonly prefixes: FamilyPrefixes
  readonly value: number
}

/** The whole address space of a family cut into ranges, in order: neighbours differ in value. */
export interface Ranges {
  /** First address of each, an array a word, so that a search by the first word stays within few cache lines. */
  readonly starts: readonly Uint32Array[]
  /** Value of each; -1: no prefix holds it. */
  readonly values: Int16Array
}

const NOTHING = -1

/** Work that is done in steps: each says how many prefixes it has touched, which takes about 50 ns each. */
export type Steps<T> = Generator<number, T>

const SWEEP_STEP = 20_000

/** For every address the value of the longest prefix that holds it; of equal prefixes the one of the highest value. */
export function* flatten(words: 1 | 4, sources: readonly Valued[]): Steps<Ranges> {
  const all = joined(words, sources)
  yield all.bits.length
  const order = yield* sorted(all)
  const out = new RangeWriter(words, 2 * order.length + 1)
  // The prefixes that hold the place where we are, the widest first: never more than an address has bits, and one.
  const open: number[] = []
  const last = new Uint32Array(words)
  const closeBefore = (next: number | undefined) => {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      lastOf(all, top, last)
      if (next !== undefined && !isBefore(last, all.bases, next * words, words)) return
      open.pop()
      const around = open.at(-1)
      if (increment(last)) out.put(last, 0, around === undefined ? NOTHING : all.values[around])
    }
  }
  out.put(last, 0, NOTHING)
  for (let i = 0; i < order.length; i++) {
    const at = order[i]
    closeBefore(at)
    out.put(all.bases, at * words, all.values[at])
    open.push(at)
    if (i % SWEEP_STEP === SWEEP_STEP - 1) yield 4 * SWEEP_STEP
  }
  closeBefore(undefined)
  return out.take()
}

interface Joined {
  readonly words: 1 | 4
  readonly bases: Uint32Array
  readonly bits: Uint8Array
  readonly values: Uint8Array
}

function joined(words: 1 | 4, sources: readonly Valued[]): Joined {
  const count = sources.reduce((sum, { prefixes }) => sum + prefixes.count, 0)
  const all = {
    words,
    bases: new Uint32Array(count * words),
    bits: new Uint8Array(count),
    values: new Uint8Array(count),
  }
  let to = 0
  for (const { prefixes, value } of sources) {
    for (let at = 0; at < prefixes.count; at++, to++) {
      for (let word = 0; word < words; word++) all.bases[to * words + word] = prefixes.base(at, word)
      all.bits[to] = prefixes.bits(at)
      all.values[to] = value
    }
  }
  return all
}

/** By base, then the wider first, then the lower value first, so that what comes later holds. A radix sort, 16 bits a pass. */
function* sorted({ words, bases, bits, values }: Joined): Steps<Uint32Array> {
  const orders = [Uint32Array.from(bits, (_, at) => at), new Uint32Array(bits.length)]
  const counts = new Uint32Array(1 << 16)
  const pass = (digit: (at: number) => number) => {
    const [from, to] = orders
    counts.fill(0)
    for (const at of from) counts[digit(at)]++
    if (from.length === 0 || counts[digit(from[0])] === from.length) return from.length
    let before = 0
    for (let value = 0; value < counts.length; value++) {
      const here = counts[value]
      counts[value] = before
      before += here
    }
    for (const at of from) to[counts[digit(at)]++] = at
    orders.reverse()
    return from.length
  }
  yield pass((at) => values[at])
  yield pass((at) => bits[at])
  for (let word = words - 1; word >= 0; word--) {
    yield pass((at) => bases[at * words + word] & 0xffff)
    yield pass((at) => bases[at * words + word] >>> 16)
  }
  return orders[0]
}

class RangeWriter {
  readonly #starts: readonly Uint32Array[]
  readonly #values: Int16Array
  #count = 0

  constructor(words: 1 | 4, rangesMax: number) {
    this.#starts = Array.from({ length: words }, () => new Uint32Array(rangesMax))
    this.#values = new Int16Array(rangesMax)
  }

  /** From this address on another value holds; what was put at the same address before does not. */
  put(address: Uint32Array, at: number, value: number): void {
    if (this.#count > 0 && this.#isLast(address, at)) this.#count--
    if (this.#count > 0 && this.#values[this.#count - 1] === value) return
    for (let word = 0; word < this.#starts.length; word++) this.#starts[word][this.#count] = address[at + word]
    this.#values[this.#count++] = value
  }

  #isLast(address: Uint32Array, at: number): boolean {
    for (let word = 0; word < this.#starts.length; word++)
      if (this.#starts[word][this.#count - 1] !== address[at + word]) return false
    return true
  }

  take(): Ranges {
    return {
      starts: this.#starts.map((starts) => starts.slice(0, this.#count)),
      values: this.#values.slice(0, this.#count),
    }
  }
}

/** The last address of a prefix. */
function lastOf({ words, bases, bits }: Joined, at: number, last: Uint32Array): void {
  for (let word = 0; word < words; word++) {
    const own = Math.min(32, Math.max(0, bits[at] - 32 * word))
    last[word] = bases[at * words + word] | (own === 32 ? 0 : 0xffffffff >>> own)
  }
}

/** False when there is no next address. */
function increment(address: Uint32Array): boolean {
  for (let word = address.length - 1; word >= 0; word--) {
    address[word]++
    if (address[word] !== 0) return true
  }
  return false
}

function isBefore(address: Uint32Array, others: Uint32Array, at: number, words: number): boolean {
  for (let word = 0; word < words; word++)
    if (address[word] !== others[at + word]) return address[word] < others[at + word]
  return false
}
