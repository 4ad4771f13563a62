/** Bytes of an identity as it is stored. All zero means "empty". */
export const IDENTITY_BYTES = 16
const WORDS = IDENTITY_BYTES / 4

/** The last `capacity` identities, exactly: a ring in order of arrival and an open-addressing index into it. */
export class RecentIdentities {
  readonly #capacity: number
  readonly #mask: number
  /** Word 0: how many were ever added, modulo 2^32. */
  readonly #state: Int32Array
  readonly #ring: Int32Array
  /** Ring position + 1; 0: empty. Twice the capacity, so that probes stay short. */
  readonly #index: Int32Array

  /** `capacity` is a power of two. */
  static byteLength(capacity: number): number {
    return 4 + capacity * IDENTITY_BYTES + 2 * capacity * 4
  }

  constructor(words: Int32Array, capacity: number) {
    this.#capacity = capacity
    this.#mask = 2 * capacity - 1
    this.#state = words.subarray(0, 1)
    this.#ring = words.subarray(1, 1 + capacity * WORDS)
    this.#index = words.subarray(1 + capacity * WORDS, 1 + capacity * WORDS + 2 * capacity)
  }

  has(identity: Int32Array): boolean {
    return this.#index[this.#find(identity)] !== 0
  }

  /** Adds one that is not there yet; the oldest makes room. */
  add(identity: Int32Array): void {
    const position = (this.#state[0] >>> 0) % this.#capacity
    const oldest = this.#ring.subarray(position * WORDS, (position + 1) * WORDS)
    if (!isEmpty(oldest)) this.#remove(this.#find(oldest))
    oldest.set(identity)
    this.#index[this.#find(identity)] = position + 1
    this.#state[0]++
  }

  /** After a loss of power ring and index may be of different times: makes the index anew from the ring. */
  repair(): void {
    this.#index.fill(0)
    for (let position = 0; position < this.#capacity; position++) {
      const identity = this.#ring.subarray(position * WORDS, (position + 1) * WORDS)
      if (isEmpty(identity)) continue
      const slot = this.#find(identity)
      if (this.#index[slot] === 0) this.#index[slot] = position + 1
      else identity.fill(0)
    }
  }

  /** The index slot of the identity, or the empty one where it would go. */
  #find(identity: Int32Array): number {
    for (let slot = identity[0] & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const position = this.#index[slot] - 1
      if (position < 0 || isSame(this.#ring, position * WORDS, identity)) return slot
    }
  }

  /** Linear probing without tombstones: later entries of the run move back over the hole. */
  #remove(hole: number): void {
    let free = hole
    for (let slot = (free + 1) & this.#mask; this.#index[slot] !== 0; slot = (slot + 1) & this.#mask) {
      const home = this.#ring[(this.#index[slot] - 1) * WORDS] & this.#mask
      if (((slot - home) & this.#mask) < ((slot - free) & this.#mask)) continue
      this.#index[free] = this.#index[slot]
      free = slot
    }
    this.#index[free] = 0
  }
}

export function isSame(table: Int32Array, at: number, identity: Int32Array): boolean {
  for (let word = 0; word < WORDS; word++) if (table[at + word] !== identity[word]) return false
  return true
}

export function isEmpty(identity: Int32Array): boolean {
  return isSame(identity, 0, EMPTY)
}

const EMPTY = new Int32Array(WORDS)
