import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { Waiting } from '../../../src/core/memory/backlog.ts'
import { BufferPool, LEASE_MAX_BYTES } from '../../../src/core/memory/pool.ts'
import { PlainAssembly, type Assembly } from '../../../src/core/protocol/assembly.ts'
import { LeasedAssembly } from '../../../src/core/session/leased-assembly.ts'

const CLIENT = { label: 'client', giveWay() {} }
const LINK = { label: 'link' }

function scene(ceilingBytes = 1 << 22, owner: typeof CLIENT | typeof LINK = CLIENT) {
  const pool = new BufferPool({ ceilingBytes, debug: true })
  return { pool, assembly: new LeasedAssembly(pool, owner) }
}

describe('LeasedAssembly', () => {
  it('holds one buffer, and none when it is done', () => {
    const { pool, assembly } = scene()
    expect([assembly.extend(3000), assembly.extend(3000), pool.leases]).toEqual([0, 3000, 1])
    assembly.release()
    assembly.release()
    expect([assembly.length, pool.leases]).toEqual([0, 0])
  })

  it('trusts what is announced up to 256 KiB, so that nothing is copied twice', () => {
    const { pool, assembly } = scene()
    assembly.extend(10, 100_000)
    expect(pool.inUseBytes).toBe(131_072)
    assembly.release()
    assembly.extend(10, LEASE_MAX_BYTES)
    expect(pool.inUseBytes).toBe(262_144)
  })

  it('says so when a client gets no memory, and keeps what it has', () => {
    const { assembly } = scene(4096)
    assembly.extend(2048)
    assembly.held.fill(7, 0, 2048)
    expect([assembly.extend(2049), assembly.length, assembly.bytes.every((byte) => byte === 7)]).toEqual([
      -1,
      2048,
      true,
    ])
  })

  it('gets what others have for a client, and memory of the runtime’s for a link', () => {
    const { pool, assembly } = scene(4096)
    const held = pool.lease(4096)
    pool.backlog.join(new Waiting({ label: 'still', giveWay: () => held?.release() }))
    expect([assembly.extend(4096), pool.backlog.ended, pool.leases]).toEqual([0, 1, 1])
    const link = new LeasedAssembly(pool, LINK)
    expect([link.extend(4096), link.extend(2 * LEASE_MAX_BYTES), pool.leases, pool.backlog.ended]).toEqual([
      0, 4096, 1, 1,
    ])
  })

  it('takes nothing once it is closed, not even what others made room for', () => {
    const { pool, assembly } = scene(4096)
    const held = pool.lease(4096)
    const giveWay = () => {
      held?.release()
      assembly.close()
    }
    pool.backlog.join(new Waiting({ label: 'still', giveWay }))
    expect([assembly.extend(4096), pool.leases]).toEqual([-1, 0])
    expect(assembly.extend(1)).toBe(-1)
  })

  const arbSteps = fc.array(fc.oneof(fc.nat(5000), fc.constant(-1)), { maxLength: 30 })
  const kinds: Record<string, () => Assembly> = {
    'memory of the runtime’s': () => new PlainAssembly(),
    'leased memory': () => scene().assembly,
  }
  for (const [name, make] of Object.entries(kinds)) {
    test.prop([arbSteps])(`${name} holds what was written since it was given back`, (steps) => {
      const assembly = make()
      let model: number[] = []
      for (const step of steps) {
        if (step < 0) {
          assembly.release()
          model = []
          continue
        }
        const bytes = Uint8Array.from({ length: step }, (_, at) => (at * 7 + model.length) & 0xff)
        const at = assembly.extend(step)
        expect(at).toBe(model.length)
        assembly.held.set(bytes, at)
        model.push(...bytes)
        expect(Buffer.from(assembly.bytes).equals(Uint8Array.from(model))).toBe(true)
        // There is always memory to fill a block up.
        const before = model.length
        if (before % 16 !== 0) model.push(...new Uint8Array(16 - (before % 16)))
        const from = assembly.extend(model.length - before)
        expect(from).toBe(before)
        assembly.held.fill(0, from, model.length)
      }
    })
  }
})
