import type { SharedMemory, SharedRegion, Store } from '../../src/core/ports.ts'
import type { SeededRandom } from './random.ts'
import type { World } from './world.ts'

/** What a loss of power does to a disk beside losing what it had not confirmed. */
export interface PowerLoss {
  /** With it some of what was on its way is there, and some is not: a log's last record that is torn is no record. */
  readonly torn?: SeededRandom
  /** With it some values that lay there for long are other ones, in one bit or at their end. */
  readonly flips?: SeededRandom
}

/** Storage that outlives a simulated proxy. Answers a moment later, as a disk does; can be told to fail. */
export class VirtualStore implements Store {
  readonly #world: World
  readonly #values = new Map<string, Uint8Array>()
  /** Writes that are not confirmed. */
  readonly #onWay = new Set<{ readonly key: string; readonly value: Uint8Array }>()
  isFailing = false
  /** Counts processes that had it open, one after the other: an answer meant for a dead one is dropped. */
  #life = 0
  /** Counts losses of power: what was on its way to the disk then never got there. */
  #powerCuts = 0

  constructor(world: World) {
    this.#world = world
  }

  get(key: string, reply: (value: Uint8Array | undefined) => void): void {
    this.#soon(() => reply(this.isFailing ? undefined : this.#values.get(key)?.slice()))
  }

  put(key: string, value: Uint8Array, reply?: (isDurable: boolean) => void): void {
    const writing = { key, value: value.slice() }
    this.#onWay.add(writing)
    this.#change(
      () => this.#values.set(key, writing.value),
      reply,
      () => this.#onWay.delete(writing),
    )
  }

  delete(key: string, reply?: (isDurable: boolean) => void): void {
    this.#change(() => this.#values.delete(key), reply)
  }

  /** The process ends: what it wrote still reaches the disk, what it asked is not answered. */
  kill(): void {
    this.#life++
  }

  /** The machine goes down: what was not confirmed is lost. */
  losePower({ torn, flips }: PowerLoss = {}): void {
    this.#life++
    this.#powerCuts++
    if (torn !== undefined)
      for (const { key, value } of this.#onWay) if (torn.chance(1, 2)) this.#values.set(key, value)
    this.#onWay.clear()
    for (const [name, value] of flips === undefined ? [] : this.#values) {
      if (value.length === 0 || !flips?.chance(1, 4)) continue
      if (flips.chance(1, 3)) this.#values.set(name, value.slice(0, flips.below(value.length)))
      else value[flips.below(value.length)] ^= 1 << flips.below(8)
    }
  }

  /** As one of several processes has it, over its supervisor: an answer meant for a dead one is dropped. */
  over(deliver: (answer: () => void) => void): Store {
    return {
      get: (key, reply) => this.get(key, (value) => deliver(() => reply(value))),
      put: (key, value, reply) => this.put(key, value, (isDurable) => deliver(() => reply?.(isDurable))),
      delete: (key, reply) => this.delete(key, (isDurable) => deliver(() => reply?.(isDurable))),
    }
  }

  #change(change: () => void, reply: ((isDurable: boolean) => void) | undefined, over?: () => void): void {
    const [life, powerCuts, isFailing] = [this.#life, this.#powerCuts, this.isFailing]
    this.#world.after(1, () => {
      over?.()
      if (powerCuts === this.#powerCuts && !isFailing) change()
      if (life === this.#life) reply?.(!isFailing)
    })
  }

  #soon(answer: () => void): void {
    const life = this.#life
    this.#world.after(1, () => {
      if (life === this.#life) answer()
    })
  }
}

interface Region {
  bytes: Uint8Array
  /** As it was when it was last opened: what has reached the disk for sure. */
  onDisk: Uint8Array
  origin: SharedRegion['origin']
}

/** The kernel writes a mapped file back by pages, in an order of its own. */
const PAGE_BYTES = 4096

/** Shared memory that outlives a simulated proxy; `losePower` takes it back to what was on the disk. */
export class VirtualSharedMemory implements SharedMemory {
  readonly #regions = new Map<string, Region>()

  open(name: string, byteLength: number): SharedRegion {
    const known = this.#regions.get(name)
    if (known !== undefined && known.bytes.length === byteLength) {
      const { bytes, origin } = known
      known.origin = 'kept'
      known.onDisk = bytes.slice()
      return { bytes, origin }
    }
    const bytes = new Uint8Array(byteLength)
    this.#regions.set(name, { bytes, onDisk: bytes.slice(), origin: 'kept' })
    return { bytes, origin: 'new' }
  }

  /** For one more process: it maps what is there, which brings nothing to the disk. */
  join(): SharedMemory {
    return {
      open: (name, byteLength) => {
        const known = this.#regions.get(name)
        if (known === undefined || known.bytes.length !== byteLength) return this.open(name, byteLength)
        return { bytes: known.bytes, origin: 'kept' }
      },
    }
  }

  /** Of all regions. */
  get bytesInUse(): number {
    return [...this.#regions.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  /**
   * The machine goes down. Nothing written since the last `open` reached the disk; with `random`, some pages of it did.
   * Mappings that somebody still holds lead nowhere from then on.
   */
  losePower(random?: SeededRandom): void {
    for (const region of this.#regions.values()) {
      const after = region.onDisk.slice()
      for (let at = 0; random !== undefined && at < after.length; at += PAGE_BYTES) {
        if (random.chance(1, 2)) after.set(region.bytes.subarray(at, at + PAGE_BYTES), at)
      }
      region.bytes = after
      region.origin = 'stale'
    }
  }
}
