import type { SharedMemory, SharedRegion, Store } from '../../src/core/ports.ts'
import type { World } from './world.ts'

/** Storage that outlives a simulated proxy. Answers a moment later, as a disk does; can be told to fail. */
export class VirtualStore implements Store {
  readonly #world: World
  readonly #values = new Map<string, Uint8Array>()
  isFailing = false

  constructor(world: World) {
    this.#world = world
  }

  get(key: string, reply: (value: Uint8Array | undefined) => void): void {
    this.#world.after(1, () => reply(this.#values.get(key)?.slice()))
  }

  put(key: string, value: Uint8Array, reply?: (isDurable: boolean) => void): void {
    const kept = value.slice()
    this.#world.after(1, () => {
      if (!this.isFailing) this.#values.set(key, kept)
      reply?.(!this.isFailing)
    })
  }

  delete(key: string, reply?: (isDurable: boolean) => void): void {
    this.#world.after(1, () => {
      if (!this.isFailing) this.#values.delete(key)
      reply?.(!this.isFailing)
    })
  }
}

interface Region {
  readonly bytes: Uint8Array
  origin: SharedRegion['origin']
}

/** Shared memory that outlives a simulated proxy; `losePower` takes it back to what was on the disk. */
export class VirtualSharedMemory implements SharedMemory {
  readonly #regions = new Map<string, Region>()

  open(name: string, byteLength: number): SharedRegion {
    const known = this.#regions.get(name)
    if (known !== undefined && known.bytes.length === byteLength) {
      const origin = known.origin
      known.origin = 'kept'
      return { bytes: known.bytes, origin }
    }
    const region: Region = { bytes: new Uint8Array(byteLength), origin: 'kept' }
    this.#regions.set(name, region)
    return { bytes: region.bytes, origin: 'new' }
  }

  /** The machine goes down: nothing written since its start reached the disk. */
  losePower(): void {
    for (const region of this.#regions.values()) {
      region.bytes.fill(0)
      region.origin = 'stale'
    }
  }
}
