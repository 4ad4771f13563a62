import { createHash } from 'node:crypto'
import { assert } from '../assert.ts'
import { SharedLocks } from '../memory/shared-lock.ts'
import { ALONE, type Clock, type SharedMemory, type Store, type WorkerPlace } from '../ports.ts'
import { GENERATIONS, Generations } from './generations.ts'
import { IDENTITY_BYTES, RecentIdentities } from './recent.ts'
import { StampMark } from './stamp-mark.ts'

/** Whatever was accepted last, with a stamp or without, is refused exactly this often (I12). */
const RECENT = 65_536
/**
 * Some clients stamp with seconds since their boot: below 1000 days nothing can be a unix time of today, and no phone
 * runs longer (protocol.md, 4.3).
 */
const BOOT_STAMP_MAX = 86_400_000
const SPAN_MIN_SEC = 30
const HEADER_WORDS = 4
/** Says that the region is ours and how it is laid out. */
const MAGIC = 0x50524c31
const LOCK_AT = 2
const MARK_AT = 3

export function isBootStamp(stamp: number): boolean {
  return stamp < BOOT_STAMP_MAX
}

export interface ReplayOptions {
  readonly memory: SharedMemory
  readonly store: Store
  readonly clock: Clock
  /** Accepted difference between a stamp and our clock, in seconds. */
  readonly skewSec: number
  readonly worker?: WorkerPlace
}

/**
 * Remembers the hellos it let in, so that none comes in twice: whatever the clocks do, over worker processes and restarts.
 * The region is mapped by all of them:
 *
 *   magic | span of a generation in seconds | lock | stamp on the disk | recent identities | generations
 */
export class ReplayGuard {
  readonly #lock: SharedLocks
  readonly #recent: RecentIdentities
  readonly #generations: Generations
  readonly #mark: StampMark
  /** Entries were lost, and the store has not yet said what they can have been. */
  #isUnsure = false
  #onSure: (() => void) | undefined
  readonly #identity = new Int32Array(IDENTITY_BYTES / 4)

  constructor({ memory, store, clock, skewSec, worker = ALONE }: ReplayOptions) {
    const recentBytes = RecentIdentities.byteLength(RECENT)
    const region = memory.open('replay', 4 * HEADER_WORDS + recentBytes + Generations.byteLength)
    const words = new Int32Array(region.bytes.buffer, region.bytes.byteOffset, region.bytes.byteLength / 4)
    const recentEnd = HEADER_WORDS + recentBytes / 4
    const spanSec = Math.max(SPAN_MIN_SEC, Math.ceil((2 * skewSec) / (GENERATIONS - 2)))
    const isOurs = words[0] === MAGIC && words[1] === spanSec
    if (!isOurs) words.fill(0)
    words[0] = MAGIC
    words[1] = spanSec
    this.#lock = new SharedLocks(words.subarray(LOCK_AT, LOCK_AT + 1), worker)
    this.#recent = new RecentIdentities(words.subarray(HEADER_WORDS, recentEnd), RECENT)
    this.#generations = new Generations(words.subarray(recentEnd), spanSec)
    this.#mark = new StampMark(store, words.subarray(MARK_AT, MARK_AT + 1))
    if (region.origin === 'stale') this.#mend()
    if (region.origin === 'kept' && isOurs) return
    // What was let in since the last write that survived can only carry stamps up to here, if the clock went on evenly.
    if (region.origin !== 'new') this.#generations.raiseFloor(clock.wall() + skewSec)
    this.#isUnsure = true
    this.#mark.load((markSec) => {
      this.#isUnsure = false
      this.#generations.raiseFloor(markSec)
      this.#onSure?.()
    })
  }

  /** Calls `done` once stamps can be told from replays; perhaps at once. */
  whenSure(done: () => void): void {
    if (this.#isUnsure) this.#onSure = done
    else done()
  }

  /** Stamps up to and including this one are refused; unix seconds. */
  get floor(): number {
    return this.#generations.floor
  }

  /** Another worker has died: what it was just entering is entered or not, and nothing else is lost. */
  takeBack(column: number): void {
    this.#lock.releaseFrom(column, () => this.#mend())
  }

  /**
   * Checks and inserts in one step, after everything else was right. `identity` is what an attacker can't vary without
   * losing the match (the 28 bytes of the MAC), `stamp` the hello's own time.
   */
  admitStamped(identity: Uint8Array, stamp: number): 'fresh' | 'replay' | 'full' {
    return this.#locked(() => {
      const key = this.#keyOf(identity)
      if (this.#recent.has(key) || this.#generations.has(key)) return 'replay'
      const verdict = this.#isUnsure ? 'replay' : this.#generations.add(key, stamp)
      if (verdict === 'fresh') {
        this.#recent.add(key)
        this.#mark.reached(stamp)
      }
      return verdict
    })
  }

  /** For hellos and inits that carry no time. */
  admitUnstamped(identity: Uint8Array): 'fresh' | 'replay' {
    return this.#locked(() => {
      const key = this.#keyOf(identity)
      if (this.#recent.has(key) || this.#generations.has(key)) return 'replay'
      this.#recent.add(key)
      return 'fresh'
    })
  }

  /** Hashed, so that a client who chooses its init's bytes does not choose where they land. */
  #keyOf(identity: Uint8Array): Int32Array {
    assert(identity.length >= IDENTITY_BYTES, 'an identity is too long to be guessed')
    const digest = createHash('sha256').update(identity).digest()
    for (let word = 0; word < this.#identity.length; word++) this.#identity[word] = digest.readInt32LE(4 * word)
    return this.#identity
  }

  #locked<T>(step: () => T): T {
    if (!this.#lock.acquire(0)) {
      this.#lock.seize(0)
      this.#mend()
    }
    try {
      return step()
    } finally {
      this.#lock.release(0)
    }
  }

  #mend(): void {
    this.#recent.repair()
    this.#generations.repair()
  }
}
