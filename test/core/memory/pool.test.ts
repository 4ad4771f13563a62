import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { BufferPool, LEASE_MAX_BYTES, type Lease } from '../../../src/core/memory/pool.ts'

describe('BufferPool', () => {
  it('gives a buffer of at least the asked size and counts it until it is released', () => {
    const pool = new BufferPool({ ceilingBytes: 1 << 20 })
    const lease = pool.lease(3073)
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
    const pool = new BufferPool({ ceilingBytes: 1 << 20, debug: true })
    const first = pool.lease(2048)
    first?.bytes.fill(1)
    first?.release()
    expect(first?.bytes.every((byte) => byte === 0xdb)).toBe(true)
    expect(pool.lease(2048)?.bytes).not.toBe(first?.bytes)
  })
})

describe('sizes', () => {
  it.each([
    [1, 2048],
    [2048, 2048],
    [2049, 3072],
    [3072, 3072],
    [3073, 4096],
    [4097, 6144],
    [786_432, 786_432],
    [786_433, 1_048_576],
  ])('%i bytes get %i', (wanted, size) => {
    expect(new BufferPool({ ceilingBytes: 1 << 24 }).lease(wanted)?.bytes.length).toBe(size)
  })
})

describe('slabs', () => {
  it('are shared by small buffers and given back when a burst is over, but for a few', () => {
    const pool = new BufferPool({ ceilingBytes: 1 << 26 })
    const leases = Array.from({ length: 1024 }, () => pool.lease(32_768))
    expect(pool.heldBytes).toBe(1 << 25)
    for (const lease of leases) lease?.release()
    expect([pool.inUseBytes, pool.heldBytes]).toEqual([0, 1 << 20])
  })

  it('are tight in the last quarter, or the last half of a small pool', () => {
    const large = new BufferPool({ ceilingBytes: 64 << 20 })
    for (let mb = 0; mb < 48; mb++) large.lease(1 << 20)
    expect([large.isTight, large.pressure]).toEqual([false, 0.75])
    large.lease(1)
    expect(large.isTight).toBe(true)
    const small = new BufferPool({ ceilingBytes: 8192 })
    small.lease(4096)
    expect(small.isTight).toBe(false)
    small.lease(1)
    expect(small.isTight).toBe(true)
  })

  it('name who leased what is left, when debugging', () => {
    const pool = new BufferPool({ ceilingBytes: 1 << 20, debug: true })
    pool.lease(1, { label: 'hello' })?.release()
    pool.lease(1, { label: 'relay' })
    pool.lease(1, { label: 'relay' })
    pool.lease(1)
    expect([...pool.owners()]).toEqual([
      ['relay', 2],
      ['nobody', 1],
    ])
    expect(new BufferPool({ ceilingBytes: 1 << 20 }).owners().size).toBe(0)
  })
})

/** What the pool is to be, told slowly: a list of what is leased. */
interface Model {
  readonly live: { readonly lease: Lease; readonly mark: number }[]
  readonly gone: Lease[]
  highWaterBytes: number
}

const lengthOf = ({ lease }: Model['live'][number]) => lease.bytes.length
const sum = (model: Model) => model.live.reduce((bytes, each) => bytes + lengthOf(each), 0)

class Take implements fc.Command<Model, BufferPool> {
  readonly bytes: number
  constructor(bytes: number) {
    this.bytes = bytes
  }
  check = () => true
  run(model: Model, pool: BufferPool) {
    const before = sum(model)
    const lease = pool.lease(this.bytes)
    if (lease === undefined) {
      // The class of a length is less than half as much again; but the smallest has 2 KiB.
      expect(before + Math.max(2048, this.bytes * 1.5)).toBeGreaterThan(pool.ceilingBytes)
      return
    }
    expect(lease.bytes.length).toBeGreaterThanOrEqual(this.bytes)
    expect(lease.bytes.byteOffset % 64).toBe(0)
    for (const { lease: other } of model.live) expect(overlap(lease.bytes, other.bytes)).toBe(false)
    const mark = (model.live.length * 7 + 1) & 0xff
    lease.bytes.fill(mark)
    model.live.push({ lease, mark })
    model.highWaterBytes = Math.max(model.highWaterBytes, sum(model))
  }
  toString = () => `take ${this.bytes}`
}

class Release implements fc.Command<Model, BufferPool> {
  readonly which: number
  constructor(which: number) {
    this.which = which
  }
  check = ({ live }: Readonly<Model>) => live.length > 0
  run(model: Model) {
    const [{ lease, mark }] = model.live.splice(this.which % model.live.length, 1)
    expect(lease.bytes.every((byte) => byte === mark)).toBe(true)
    lease.release()
    model.gone.push(lease)
  }
  toString = () => `release ${this.which}`
}

class ReleaseAgain implements fc.Command<Model, BufferPool> {
  readonly which: number
  constructor(which: number) {
    this.which = which
  }
  check = ({ gone }: Readonly<Model>) => gone.length > 0
  run(model: Model) {
    expect(() => model.gone[this.which % model.gone.length].release()).toThrow('exactly once')
  }
  toString = () => `release again ${this.which}`
}

function overlap(a: Uint8Array, b: Uint8Array): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.length && b.byteOffset < a.byteOffset + a.length
}

const arbCommands = fc.commands(
  [
    fc.oneof(fc.integer({ min: 1, max: 9000 }), fc.integer({ min: 1, max: LEASE_MAX_BYTES })).map((n) => new Take(n)),
    fc.nat(50).map((which) => new Release(which)),
    fc.nat(50).map((which) => new ReleaseAgain(which)),
  ],
  { size: '+1' },
)

test.prop([arbCommands, fc.constantFrom(10_000, 1 << 20, 1 << 24), fc.boolean()], { numRuns: 40 })(
  'a pool counts what is leased, and no two leases share a byte',
  (commands, ceilingBytes, debug) => {
    const pool = new BufferPool({ ceilingBytes, debug })
    const model: Model = { live: [], gone: [], highWaterBytes: 0 }
    fc.modelRun(() => ({ model, real: pool }), commands)
    expect([pool.inUseBytes, pool.leases, pool.highWaterBytes]).toEqual([
      ...[sum(model), model.live.length, model.highWaterBytes],
    ])
    expect(pool.inUseBytes).toBeLessThanOrEqual(ceilingBytes)
    expect(pool.heldBytes).toBeGreaterThanOrEqual(pool.inUseBytes)
    for (const { lease } of model.live) lease.release()
    expect([pool.inUseBytes, pool.leases]).toEqual([0, 0])
  },
)
