import { SharedLocks } from '../../memory/shared-lock.ts'
import { WordHash } from '../../memory/word-hash.ts'
import type { Random, SharedMemory, WorkerPlace } from '../../ports.ts'
import { prefixInto, type Prefix } from './prefix.ts'
import type { SourceKey } from './source-key.ts'

const WAYS = 8
const ENTRIES = 32_768
const SETS = ENTRIES / WAYS
const HEADER_WORDS = 16
/** Neighbouring sets that are kept on the disk together. */
export const BUCKETS = 64
const MAGIC = 0x50424e31
/** Tags are below this: how many bans there are of each is counted, so that only prefix lengths in use are looked for. */
const TAGS = 512
const VERSION_AT = 8
const LAST_AT = 4

/** Why a prefix is banned; as `ban` events and `palisade bans` name it. */
export const BAN_REASONS = ['by-hand', 'failures', 'replays', 'half-open', 'children', 'attack', 'prefix'] as const
export type BanReason = (typeof BAN_REASONS)[number]
const FOR_NEIGHBOURS: readonly number[] = [BAN_REASONS.indexOf('children'), BAN_REASONS.indexOf('prefix')]

export interface Ban {
  readonly prefix: Prefix
  /** Monotonic ms; in the past for one that is over and only remembered. */
  readonly untilMs: number
  /** How many in a row, this one included, 1..255. */
  readonly times: number
  readonly reason: BanReason
}

export interface BanTableOptions {
  readonly memory: SharedMemory
  readonly random: Random
  readonly worker: WorkerPlace
  /** Monotonic: what was kept from before the machine started anew is forgotten; the disk knows it better. */
  readonly nowMs: number
}

/**
 * Prefixes that are kept out for a time, in memory that all workers map: 8-way set-associative by prefix, a lock for each set.
 * Where a set is full, a ban that is over makes room, or else the one that is over soonest. Bans that are over are remembered for
 * as long as there is room, since the next one is longer for them.
 *
 *   words: magic, 0, hash key(2), last moment in s, ..., version | version of each bucket | bans of each tag | set locks
 *     | until | words(4) | tag | times, reason
 */
export class BanTable {
  readonly #words: Int32Array
  readonly #ofTag: Int32Array
  readonly #versions: Int32Array
  readonly #locks: SharedLocks
  readonly #hash: WordHash
  readonly #untilMs: Float64Array
  readonly #prefixes: Uint32Array
  /** 0: free. */
  readonly #tags: Int32Array
  readonly #times: Uint8Array
  readonly #reasons: Uint8Array
  /** Told after every change by this process; others are seen by the version. */
  onChanged: () => void = () => {}
  /** Tags in use when the version was this. */
  #tagsInUse: number[] = []
  #tagsVersion = -1
  readonly #scratch = new Uint32Array(4)

  constructor({ memory, random, worker, nowMs }: BanTableOptions) {
    const perEntry = 8 + 16 + 4 + 1 + 1
    const region = memory.open('bans', 4 * (HEADER_WORDS + BUCKETS + TAGS + SETS) + ENTRIES * perEntry)
    const { buffer } = region.bytes
    let at = region.bytes.byteOffset
    const skip = (bytes: number) => (at += bytes) - bytes
    this.#words = new Int32Array(buffer, skip(4 * HEADER_WORDS), HEADER_WORDS)
    this.#untilMs = new Float64Array(buffer, skip(8 * ENTRIES), ENTRIES)
    this.#versions = new Int32Array(buffer, skip(4 * BUCKETS), BUCKETS)
    this.#ofTag = new Int32Array(buffer, skip(4 * TAGS), TAGS)
    this.#locks = new SharedLocks(new Int32Array(buffer, skip(4 * SETS), SETS), worker)
    this.#prefixes = new Uint32Array(buffer, skip(16 * ENTRIES), 4 * ENTRIES)
    this.#tags = new Int32Array(buffer, skip(4 * ENTRIES), ENTRIES)
    this.#times = new Uint8Array(buffer, skip(ENTRIES), ENTRIES)
    this.#reasons = new Uint8Array(buffer, skip(ENTRIES), ENTRIES)
    // After a loss of power its pages may be of different times: the disk has the bans.
    if (region.origin === 'stale' || this.#words[0] !== MAGIC || this.#words[LAST_AT] > nowMs / 1000) {
      region.bytes.fill(0)
      this.#words.set([MAGIC, 0, ...new Int32Array(random.fill(new Uint8Array(8)).buffer)])
    }
    this.#words[LAST_AT] = Math.floor(nowMs / 1000)
    this.#hash = new WordHash(this.#words[2], this.#words[3])
  }

  /** Changes with every ban that is made or lifted. */
  get version(): number {
    return Atomics.load(this.#words, VERSION_AT)
  }

  /** The same for the bans of one bucket, 0..BUCKETS-1. */
  versionOf(bucket: number): number {
    return Atomics.load(this.#versions, bucket)
  }

  /** Makes the version of a bucket a new one: what is kept of it elsewhere is not what it should be. */
  touch(bucket: number): void {
    Atomics.add(this.#versions, bucket, 1)
  }

  bucketOf({ words, tag }: Prefix): number {
    return Math.floor(this.#setOf(words, tag) / (SETS / BUCKETS))
  }

  /** The longest prefix with a ban in force that covers the source, as its entry; -1: none. */
  covering(source: SourceKey, nowMs: number): number {
    for (const tag of this.#tagsNow()) {
      if (!prefixInto(source, tag, this.#scratch)) continue
      const entry = this.#find(this.#scratch, tag)
      if (entry >= 0 && this.#untilMs[entry] > nowMs) return entry
    }
    return -1
  }

  /** Of an entry that `covering` has just told. */
  banAt(entry: number): Ban {
    const words = this.#prefixes.slice(4 * entry, 4 * entry + 4)
    return {
      prefix: { tag: this.#tags[entry], words },
      untilMs: this.#untilMs[entry],
      times: this.#times[entry],
      reason: BAN_REASONS[this.#reasons[entry]],
    }
  }

  /** Of an entry that `covering` has just told: the prefix is banned for what some of it did, not for what all did. */
  isForNeighbours(entry: number): boolean {
    return FOR_NEIGHBOURS.includes(this.#reasons[entry])
  }

  /** The ban of exactly that prefix, in force or over. */
  get(prefix: Prefix): Ban | undefined {
    const entry = this.#find(prefix.words, prefix.tag)
    return entry < 0 ? undefined : this.banAt(entry)
  }

  /** Makes the ban, or replaces the one of the same prefix. */
  put({ prefix, untilMs, times, reason }: Ban): void {
    const set = this.#setOf(prefix.words, prefix.tag)
    this.#acquire(set)
    let entry = set * WAYS
    for (let other = entry; other < (set + 1) * WAYS; other++) {
      if (this.#holds(other, prefix.words, prefix.tag)) {
        entry = other
        break
      }
      if (this.#worth(other) < this.#worth(entry)) entry = other
    }
    this.#clear(entry)
    this.#prefixes.set(prefix.words, 4 * entry)
    this.#untilMs[entry] = untilMs
    this.#times[entry] = times
    this.#reasons[entry] = BAN_REASONS.indexOf(reason)
    this.#tags[entry] = prefix.tag
    Atomics.add(this.#ofTag, prefix.tag, 1)
    this.#changed(set)
    this.#locks.release(set)
  }

  /** Forgets the ban of that prefix, and that there were any; false when there was none. */
  remove(prefix: Prefix): boolean {
    const set = this.#setOf(prefix.words, prefix.tag)
    this.#acquire(set)
    let isFound = false
    for (let entry = set * WAYS; entry < (set + 1) * WAYS; entry++) {
      if (!this.#holds(entry, prefix.words, prefix.tag)) continue
      this.#clear(entry)
      isFound = true
    }
    if (isFound) this.#changed(set)
    this.#locks.release(set)
    return isFound
  }

  /** All that are in force or remembered, of all buckets or of one. */
  *list(bucket?: number): Iterable<Ban> {
    const size = ENTRIES / BUCKETS
    const [from, to] = bucket === undefined ? [0, ENTRIES] : [bucket * size, (bucket + 1) * size]
    for (let entry = from; entry < to; entry++) if (this.#tags[entry] !== 0) yield this.banAt(entry)
  }

  /** Another worker has died: a set that it held may have lost the ban it was writing, and no other. */
  takeBack(column: number): void {
    this.#locks.releaseFrom(column, () => this.#countTags())
  }

  #acquire(set: number): void {
    if (!this.#locks.acquire(set)) this.#locks.seize(set)
  }

  #changed(set: number): void {
    Atomics.add(this.#versions, Math.floor(set / (SETS / BUCKETS)), 1)
    Atomics.add(this.#words, VERSION_AT, 1)
    this.onChanged()
  }

  /** What another one is just adding may be counted twice, which costs a look-up in vain and nothing else. */
  #countTags(): void {
    this.#ofTag.fill(0)
    for (const tag of this.#tags) if (tag !== 0) this.#ofTag[tag]++
    Atomics.add(this.#words, VERSION_AT, 1)
  }

  /** Over soonest goes first; a free place before all. */
  #worth(entry: number): number {
    return this.#tags[entry] === 0 ? -Infinity : this.#untilMs[entry]
  }

  #clear(entry: number): void {
    if (this.#tags[entry] === 0) return
    Atomics.sub(this.#ofTag, this.#tags[entry], 1)
    this.#tags[entry] = 0
  }

  #setOf(words: Uint32Array, tag: number): number {
    this.#hash.of(words, tag)
    return this.#hash.low & (SETS - 1)
  }

  /** Without the lock: a ban that is just being written is found a moment later. */
  #find(words: Uint32Array, tag: number): number {
    const from = this.#setOf(words, tag) * WAYS
    for (let entry = from; entry < from + WAYS; entry++) if (this.#holds(entry, words, tag)) return entry
    return -1
  }

  #holds(entry: number, words: Uint32Array, tag: number): boolean {
    if (Atomics.load(this.#tags, entry) !== tag) return false
    for (let word = 0; word < 4; word++) if (this.#prefixes[4 * entry + word] !== words[word]) return false
    return true
  }

  /** The longest first. */
  #tagsNow(): readonly number[] {
    const { version } = this
    if (version === this.#tagsVersion) return this.#tagsInUse
    this.#tagsVersion = version
    this.#tagsInUse = []
    for (let tag = TAGS - 1; tag > 0; tag--) if (this.#ofTag[tag] > 0) this.#tagsInUse.push(tag)
    return this.#tagsInUse
  }
}
