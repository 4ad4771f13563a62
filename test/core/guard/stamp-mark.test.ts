import { describe, expect, it } from 'vitest'
import { StampMark } from '../../../src/core/guard/stamp-mark.ts'
import { VirtualStore } from '../../../sim/world/store.ts'
import { World } from '../../../sim/world/world.ts'

const KEY = 'replay-mark'
const STAMP = 1_790_000_000

function scene() {
  const world = new World(1)
  const store = new VirtualStore(world)
  const open = () => new StampMark(store, new Int32Array(1))
  const loaded = () => {
    let mark = -1
    open().load((sec) => (mark = sec))
    world.runFor(10)
    return mark
  }
  const written = () => {
    let value = new Uint8Array(0)
    store.get(KEY, (found) => (value = Uint8Array.from(found ?? [])))
    world.runFor(10)
    return value
  }
  const put = (value: Uint8Array) => {
    store.put(KEY, value)
    world.runFor(10)
  }
  open().reached(STAMP)
  world.runFor(10)
  return { loaded, written, put }
}

describe('the mark of stamps on the disk', () => {
  it('comes back, a minute ahead of what was accepted', () => {
    expect(scene().loaded()).toBe(STAMP + 60)
  })

  it('is none with any bit of it turned: it would keep everybody out for years', () => {
    const { loaded, written, put } = scene()
    const whole = written()
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const broken = Uint8Array.from(whole, (byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
      put(broken)
      expect(loaded()).toBe(0)
    }
  })

  it('is understood as earlier versions wrote it', () => {
    const { loaded, written, put } = scene()
    put(written().slice(0, 4))
    expect(loaded()).toBe(STAMP + 60)
  })
})
