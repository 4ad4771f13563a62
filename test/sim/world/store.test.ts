import { describe, expect, it } from 'vitest'
import { VirtualSharedMemory, VirtualStore } from '../../../sim/world/store.ts'
import { World } from '../../../sim/world/world.ts'

const ONE = Uint8Array.of(1)

describe('VirtualStore', () => {
  function scene() {
    const world = new World(1)
    const store = new VirtualStore(world)
    const heard: unknown[] = []
    return { world, store, heard, hear: (what: unknown) => heard.push(what) }
  }

  it('answers later, with memory of its own', () => {
    const { world, store, heard, hear } = scene()
    const value = Uint8Array.of(1)
    store.put('a', value, hear)
    value[0] = 9
    store.get('b', hear)
    expect(heard).toEqual([])
    world.runFor(10)
    store.get('a', hear)
    world.runFor(10)
    store.delete('a', hear)
    store.get('a', hear)
    world.runFor(10)
    expect(heard).toEqual([true, undefined, ONE, true, undefined])
  })

  it('that fails keeps nothing and says so', () => {
    const { world, store, heard, hear } = scene()
    store.isFailing = true
    store.put('a', ONE, hear)
    world.runFor(10)
    store.isFailing = false
    store.get('a', hear)
    world.runFor(10)
    expect(heard).toEqual([false, undefined])
  })

  it('keeps what a killed process wrote, and gives it no answer', () => {
    const { world, store, heard, hear } = scene()
    store.put('a', ONE, hear)
    store.kill()
    world.runFor(10)
    expect(heard).toEqual([])
    store.get('a', hear)
    world.runFor(10)
    expect(heard).toEqual([ONE])
  })

  it('loses with the power what was not confirmed, and nothing that was', () => {
    const { world, store, heard, hear } = scene()
    store.put('confirmed', ONE, hear)
    world.runFor(10)
    store.put('on its way', ONE, hear)
    store.losePower()
    world.runFor(10)
    store.get('confirmed', hear)
    store.get('on its way', hear)
    world.runFor(10)
    expect(heard).toEqual([true, ONE, undefined])
  })
})

describe('VirtualSharedMemory', () => {
  it('is new once, kept after, and new again in another size', () => {
    const memory = new VirtualSharedMemory()
    const first = memory.open('ring', 16)
    first.bytes[3] = 7
    const second = memory.open('ring', 16)
    const third = memory.open('ring', 32)
    expect([first.origin, second.origin, third.origin]).toEqual(['new', 'kept', 'new'])
    expect([second.bytes[3], third.bytes[3]]).toEqual([7, 0])
  })

  it('goes back with the power to what the last process found, and says that it is stale, once', () => {
    const memory = new VirtualSharedMemory()
    memory.open('ring', 16).bytes[0] = 1
    const dead = memory.open('ring', 16)
    dead.bytes[0] = 2
    memory.losePower()
    dead.bytes[1] = 9
    const after = memory.open('ring', 16)
    expect([after.origin, after.bytes[0], after.bytes[1], memory.open('ring', 16).origin]).toEqual([
      'stale',
      1,
      0,
      'kept',
    ])
  })

  it('may keep some pages of what was written, and never half a page', () => {
    const memory = new VirtualSharedMemory()
    memory.open('ring', 40 * 4096).bytes.fill(5)
    memory.losePower(new World(1).random('pages'))
    const { bytes } = memory.open('ring', 40 * 4096)
    const pages = Array.from({ length: 40 }, (_, i) => new Set(bytes.subarray(i * 4096, (i + 1) * 4096)))
    expect(pages.every((values) => values.size === 1)).toBe(true)
    expect(new Set(pages.map((values) => [...values][0]))).toEqual(new Set([0, 5]))
  })
})
