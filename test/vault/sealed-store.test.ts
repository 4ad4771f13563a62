import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/core/ports.ts'
import { SealedStore } from '../../src/vault/sealed-store.ts'
import { seeded } from '../core/seeded.ts'

/** What a disk would hold. It answers at once, which is all the same to what is tested here. */
class Disk implements Store {
  readonly values = new Map<string, Uint8Array>()

  get(key: string, reply: (value: Uint8Array | undefined) => void): void {
    reply(this.values.get(key))
  }

  put(key: string, value: Uint8Array, reply?: (isDurable: boolean) => void): void {
    this.values.set(key, value)
    reply?.(true)
  }

  delete(key: string, reply?: (isDurable: boolean) => void): void {
    this.values.delete(key)
    reply?.(true)
  }

  /** The one value it has. */
  get only(): readonly [string, Uint8Array] {
    const [first, ...rest] = this.values
    expect(rest).toEqual([])
    return first
  }
}

const KEY = Buffer.alloc(32, 7)

function storeOn(disk: Disk, seed = 1, key: Uint8Array = KEY) {
  const broken: string[] = []
  const store = new SealedStore({ store: disk, key, random: seeded(seed), onBroken: (name) => broken.push(name) })
  const get = (name: string) => {
    let found: Uint8Array | undefined
    store.get(name, (value) => (found = value))
    return found && Buffer.from(found)
  }
  return { store, broken, get }
}

/** Run and count: what decides about key and nonce. */
const headOf = (sealed: Uint8Array) => Buffer.from(sealed.subarray(1, 25)).toString('hex')

describe('a sealed store', () => {
  test.prop([fc.dictionary(fc.string({ minLength: 1 }), fc.uint8Array({ maxLength: 300 }))])(
    'gives back in any later run what was put, latest last, and keeps names and values to itself',
    (values) => {
      const disk = new Disk()
      for (const run of [1, 2]) {
        const { store } = storeOn(disk, run)
        for (const [name, value] of Object.entries(values)) store.put(name, Buffer.concat([value, Buffer.of(run)]))
      }
      const { get, broken } = storeOn(disk, 3)
      for (const [name, value] of Object.entries(values))
        expect(get(name)).toEqual(Buffer.concat([value, Buffer.of(2)]))
      expect(get('no such name')).toBeUndefined()
      expect(broken).toEqual([])
      for (const [name, sealed] of disk.values) {
        expect(name).toMatch(/^[0-9a-f]{32}$/)
        expect(sealed.length).toBeGreaterThanOrEqual(42)
      }
    },
  )

  it('uses no nonce twice, whatever is put, by however many runs', () => {
    const disk = new Disk()
    const seen = new Set<string>()
    for (const run of [1, 3, 5]) {
      const { store } = storeOn(disk, run)
      for (let i = 0; i < 500; i++) {
        store.put('same', KEY)
        seen.add(headOf(disk.only[1]))
      }
    }
    expect(seen.size).toBe(1500)
  })

  test.prop([fc.nat(), fc.integer({ min: 1, max: 255 })])('takes no value with a byte changed', (where, change) => {
    const disk = new Disk()
    storeOn(disk).store.put('name', Buffer.from('value'))
    const [, sealed] = disk.only
    sealed[where % sealed.length] ^= change
    const { get, broken } = storeOn(disk, 2)
    expect(get('name')).toBeUndefined()
    expect(broken).toEqual(['name'])
  })

  it('takes no value cut short, of another name, or of another key', () => {
    const disk = new Disk()
    const { store } = storeOn(disk)
    store.put('b', Buffer.from('of b'))
    const [, ofB] = disk.only
    disk.values.clear()
    store.put('a', Buffer.from('of a'))
    const [hidden, ofA] = disk.only
    const { get, broken } = storeOn(disk, 2)
    for (const found of [ofB, ofA.subarray(0, -1), ofA.subarray(0, 40), ofA.subarray(0, 0)]) {
      disk.values.set(hidden, found)
      expect(get('a')).toBeUndefined()
    }
    disk.values.set(hidden, ofA)
    expect(get('a')).toEqual(Buffer.from('of a'))
    expect(broken).toEqual(['a', 'a', 'a', 'a'])
    // Under another key the very name is another one.
    const other = storeOn(disk, 2, Buffer.alloc(32, 8))
    expect(other.get('a')).toBeUndefined()
  })

  it('forgets what is deleted', () => {
    const disk = new Disk()
    const { store, get } = storeOn(disk)
    store.put('a', KEY)
    store.delete('a')
    expect([disk.values.size, get('a')]).toEqual([0, undefined])
  })
})
