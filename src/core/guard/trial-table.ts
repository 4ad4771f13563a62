import { SharedLocks } from '../memory/shared-lock.ts'
import { WordHash } from '../memory/word-hash.ts'
import type { Random, SharedMemory, WorkerPlace } from '../ports.ts'
import { prefixInto, tagOf } from './sources/prefix.ts'
import { SourceKey } from './sources/source-key.ts'

const WAYS = 8
/** Prefixes remembered; 32 bytes each. */
const ENTRIES = 65_536
const SETS = ENTRIES / WAYS
const HEADER_WORDS = 16
const MAGIC = 0x50545232
const KEY_AT = 2
const LAST_AT = 4
const BYTES_PER_ENTRY = 2 * 8 + 4 * 4
/** Who shares a budget and a bandwidth: a /24 of IPv4, a /64 of IPv6. */
const IPV4_TAG = tagOf(4, 24)
const IPV6_TAG = tagOf(6, 64)

export interface TrialTableOptions {
  readonly memory: SharedMemory
  readonly random: Random
  readonly worker: WorkerPlace
  /** Monotonic ms: what was kept from before the machine started anew is forgotten. */
  readonly nowMs: number
}

/** What stands for a prefix: its keyed hash. */
export interface PrefixMark {
  readonly low: number
  readonly high: number
}

/**
 * What prefixes owe for secrets tried in vain and for what we carried to the mask host, and which secret was theirs last, in memory
 * that all workers map: 8-way set-associative, a lock for each set. A new prefix takes the place of one without debt, or else of the
 * one not seen for longest.
 *
 *   words: magic, 0, hash key(2), last moment in s, ... | paid up until | carried up until | set locks | low | high | seen | last secret
 */
export class TrialTable {
  /** Monotonic ms at which the debt of an entry is paid off. Read and written under its lock, as are the next two. */
  readonly paidMs: Float64Array
  /** Monotonic ms up to which what its masked connections carried uses up their bandwidth. */
  readonly carriedMs: Float64Array
  /** What stands for a secret to all workers; 0: none. */
  readonly last: Int32Array
  readonly #header: Int32Array
  readonly #locks: SharedLocks
  readonly #low: Uint32Array
  readonly #high: Uint32Array
  /** Seconds, at least 1; 0: free. */
  readonly #seenSec: Uint32Array
  readonly #hash: WordHash
  readonly #source = new SourceKey()
  readonly #words = new Uint32Array(4)

  constructor({ memory, random, worker, nowMs }: TrialTableOptions) {
    const { bytes, origin } = memory.open('trials', 4 * (HEADER_WORDS + SETS) + ENTRIES * BYTES_PER_ENTRY)
    const { buffer } = bytes
    let at = bytes.byteOffset
    const skip = (length: number) => (at += length) - length
    this.#header = new Int32Array(buffer, skip(4 * HEADER_WORDS), HEADER_WORDS)
    this.paidMs = new Float64Array(buffer, skip(8 * ENTRIES), ENTRIES)
    this.carriedMs = new Float64Array(buffer, skip(8 * ENTRIES), ENTRIES)
    this.#locks = new SharedLocks(new Int32Array(buffer, skip(4 * SETS), SETS), worker)
    this.#low = new Uint32Array(buffer, skip(4 * ENTRIES), ENTRIES)
    this.#high = new Uint32Array(buffer, skip(4 * ENTRIES), ENTRIES)
    this.#seenSec = new Uint32Array(buffer, skip(4 * ENTRIES), ENTRIES)
    this.last = new Int32Array(buffer, skip(4 * ENTRIES), ENTRIES)
    if (origin === 'stale' || this.#header[0] !== MAGIC || this.#header[LAST_AT] > nowMs / 1000) {
      bytes.fill(0)
      this.#header.set([MAGIC, 0, ...new Int32Array(random.fill(new Uint8Array(8)).buffer)])
    }
    this.#hash = new WordHash(this.#header[KEY_AT], this.#header[KEY_AT + 1])
  }

  /** Of the prefix that `ip` lies in. */
  markOf(ip: string): PrefixMark {
    const tag = this.#source.read(ip) && this.#source.family === 6 ? IPV6_TAG : IPV4_TAG
    // What is no address shares one entry.
    if (!prefixInto(this.#source, tag, this.#words)) this.#words.fill(0)
    this.#hash.of(this.#words, tag)
    return { low: this.#hash.low, high: this.#hash.high }
  }

  /** The entry of that prefix, made when there is none; its set is locked until `unlock`. */
  lock({ low, high }: PrefixMark, nowMs: number): number {
    const set = low & (SETS - 1)
    if (!this.#locks.acquire(set)) this.#locks.seize(set)
    const nowSec = Math.max(1, Math.floor(nowMs / 1000))
    this.#header[LAST_AT] = Math.floor(nowMs / 1000)
    let victim = set * WAYS
    for (let entry = victim; entry < (set + 1) * WAYS; entry++) {
      if (this.#low[entry] === low && this.#high[entry] === high && this.#seenSec[entry] !== 0) {
        this.#seenSec[entry] = nowSec
        return entry
      }
      if (this.#worth(entry, nowMs) < this.#worth(victim, nowMs)) victim = entry
    }
    this.#low[victim] = low
    this.#high[victim] = high
    this.#seenSec[victim] = nowSec
    this.paidMs[victim] = this.carriedMs[victim] = 0
    this.last[victim] = 0
    return victim
  }

  unlock(entry: number): void {
    this.#locks.release(Math.floor(entry / WAYS))
  }

  /** Another worker has died: what it was just writing is written or not, and nothing else is lost. */
  takeBack(column: number): void {
    this.#locks.releaseFrom(column, () => {})
  }

  #worth(entry: number, nowMs: number): number {
    return this.#seenSec[entry] + (Math.max(this.paidMs[entry], this.carriedMs[entry]) > nowMs ? 2 ** 32 : 0)
  }
}
