import { describe, expect, it } from 'vitest'
import { BufferPool, LEASE_MAX_BYTES } from '../../../src/core/memory/pool.ts'

describe('BufferPool', () => {
  it('gives a buffer of at least the asked size and counts it until it is released', () => {
    const pool = new BufferPool({ ceilingBytes: 1 << 20 })
    const lease = pool.lease(3000)
    expect(lease?.bytes.length).toBe(4096)
    expect([pool.inUseBytes, pool.leases]).toEqual([4096, 1])
    lease?.release()
    expect([pool.inUseBytes, pool.leases, pool.highWaterBytes]).toEqual([0, 0, 4096])
  })

  it('uses a released buffer again', () => {
    const pool = new BufferPool({ ceilingBytes: 1 << 20 })
    const first = pool.lease(2048)
    first?.release()
    expect(pool.lease(2048)?.bytes).toBe(first?.bytes)
  })

  it('answers undefined at the ceiling: exactly full is allowed, one byte more is not', () => {
    const pool = new BufferPool({ ceilingBytes: 4096 })
    expect(pool.lease(2048)).toBeDefined()
    expect(pool.lease(2049)).toBeUndefined()
    expect(pool.lease(2048)).toBeDefined()
    expect(pool.lease(1)).toBeUndefined()
  })

  it('holds every size up to the largest class, and no more', () => {
    const pool = new BufferPool({ ceilingBytes: LEASE_MAX_BYTES * 2 })
    expect(pool.lease(LEASE_MAX_BYTES)?.bytes.length).toBe(LEASE_MAX_BYTES)
    expect(() => pool.lease(LEASE_MAX_BYTES + 1)).toThrow('bounded')
    expect(() => pool.lease(0)).toThrow('bounded')
  })

  it('refuses a second release', () => {
    const lease = new BufferPool({ ceilingBytes: 1 << 20 }).lease(1)
    lease?.release()
    expect(() => lease?.release()).toThrow('exactly once')
  })

  it('in poison mode overwrites what is released and never hands it out again', () => {
    const pool = new BufferPool({ ceilingBytes: 1 << 20, poison: true })
    const first = pool.lease(2048)
    first?.bytes.fill(1)
    first?.release()
    expect(first?.bytes.every((byte) => byte === 0xdb)).toBe(true)
    expect(pool.lease(2048)?.bytes).not.toBe(first?.bytes)
  })
})
