import { createPrivateKey, createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SHARES_AHEAD, SharePool } from '../../../src/core/mask/shares.ts'
import type { Random } from '../../../src/core/ports.ts'
import { World } from '../../../sim/world/world.ts'

const PKCS8_HEAD = Uint8Array.from(Buffer.from('302e020100300506032b656e04220420', 'hex'))

/** A source that writes down the private halves, which the pool itself forgets. */
function recorded(): Random & { readonly drawn: Uint8Array[] } {
  const random = new World(1).random('shares')
  const drawn: Uint8Array[] = []
  return {
    drawn,
    fill(target) {
      random.fill(target)
      drawn.push(Uint8Array.from(target))
      return target
    },
    below: (limit) => random.below(limit),
  }
}

/** The public half as the platform's own key objects compute it. */
function publicOf(privateKey: Uint8Array): string {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, privateKey]), format: 'der', type: 'pkcs8' })
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex')
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('SharePool', () => {
  it('hands out genuine public keys, each once, from the pool and beyond it', () => {
    const random = recorded()
    const pool = new SharePool(random, 8)
    pool.refill()
    const shares = Array.from({ length: 20 }, () => hexOf(pool.next()))
    expect(new Set(shares).size).toBe(20)
    expect(shares.toSorted()).toEqual(random.drawn.map(publicOf).toSorted())
    expect(pool.ready).toBe(0)
  })

  it('makes a few per refill, up to its measure, and again what was taken', () => {
    const random = recorded()
    const pool = new SharePool(random)
    pool.refill()
    expect(pool.ready).toBe(16)
    for (let tick = 0; tick < 100; tick++) pool.refill()
    expect([pool.ready, random.drawn.length]).toEqual([SHARES_AHEAD, SHARES_AHEAD])
    for (let i = 0; i < 3; i++) pool.next()
    expect([pool.ready, random.drawn.length]).toEqual([SHARES_AHEAD - 3, SHARES_AHEAD])
    pool.refill()
    pool.refill()
    expect([pool.ready, random.drawn.length]).toEqual([SHARES_AHEAD, SHARES_AHEAD + 3])
  })

  it('makes none ahead where that is not wanted', () => {
    const pool = new SharePool(recorded(), 0)
    pool.refill()
    expect([pool.ready, pool.next().length]).toEqual([0, 32])
  })
})
