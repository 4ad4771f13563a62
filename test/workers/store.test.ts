import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/core/ports.ts'
import { Peer } from '../../src/workers/peer.ts'
import { RemoteStore, storeServices, SwitchStore } from '../../src/workers/store.ts'

class MapStore implements Store {
  readonly values = new Map<string, Uint8Array>()
  get(key: string, reply: (value: Uint8Array | undefined) => void): void {
    queueMicrotask(() => reply(this.values.get(key)))
  }
  put(key: string, value: Uint8Array, reply?: (isDurable: boolean) => void): void {
    this.values.set(key, value.slice())
    queueMicrotask(() => reply?.(true))
  }
  delete(key: string, reply?: (isDurable: boolean) => void): void {
    this.values.delete(key)
    queueMicrotask(() => reply?.(true))
  }
}

const getFrom = (store: Store, key: string) => new Promise<Uint8Array | undefined>((resolve) => store.get(key, resolve))
const putInto = (store: Store, key: string, value: Uint8Array) =>
  new Promise<boolean>((resolve) => store.put(key, value, resolve))
const deleteFrom = (store: Store, key: string) => new Promise<boolean>((resolve) => store.delete(key, resolve))

function remote() {
  const local = new MapStore()
  const none = { services: {}, notes: {}, close() {} }
  const near: Peer = new Peer({ ...none, write: (line) => far.heard(Buffer.from(line)) })
  const far: Peer = new Peer({
    ...none,
    services: storeServices(local),
    write: (line) => near.heard(Buffer.from(line)),
  })
  return { local, near, far, store: new RemoteStore(near) }
}

describe('the store of another process', () => {
  test.prop([fc.uint8Array()])('keeps any bytes', async (value) => {
    const { store } = remote()
    expect(await getFrom(store, 'a')).toBeUndefined()
    expect(await putInto(store, 'a', value)).toBe(true)
    expect(await getFrom(store, 'a')).toEqual(value)
    expect(await deleteFrom(store, 'a')).toBe(true)
    expect(await getFrom(store, 'a')).toBeUndefined()
  })

  it('answers with failure, and never at once, when that process is gone', async () => {
    const { store, near } = remote()
    near.end()
    let isCalling = true
    store.get('a', () => expect(isCalling).toBe(false))
    isCalling = false
    expect(await getFrom(store, 'a')).toBeUndefined()
    expect(await putInto(store, 'a', new Uint8Array(1))).toBe(false)
    expect(await deleteFrom(store, 'a')).toBe(false)
  })

  it('answers with failure to what is no key or no value', async () => {
    const { near, local } = remote()
    for (const args of [null, {}, { key: 7 }, { key: 'a', value: 7 }])
      expect(await near.ask('store.put', args)).toMatchObject({ ok: false })
    expect(local.values.size).toBe(0)
  })
})

describe('a store that is changed under those who use it', () => {
  it('lets calls wait while there is none, with the bytes they had', async () => {
    const store = new SwitchStore()
    const value = Uint8Array.of(1)
    const putting = putInto(store, 'a', value)
    value[0] = 2
    const getting = getFrom(store, 'a')
    store.use(new MapStore())
    expect([await putting, await getting]).toEqual([true, Uint8Array.of(1)])
    const second = new MapStore()
    store.hold()
    const deleting = deleteFrom(store, 'a')
    store.use(second)
    expect(await deleting).toBe(true)
    expect(await getFrom(store, 'a')).toBeUndefined()
  })

  it('fails calls when too many wait', async () => {
    const store = new SwitchStore()
    const waiting = Array.from({ length: 1024 }, () => putInto(store, 'a', new Uint8Array(1)))
    expect(await putInto(store, 'a', new Uint8Array(1))).toBe(false)
    expect(await getFrom(store, 'a')).toBeUndefined()
    expect(await deleteFrom(store, 'a')).toBe(false)
    store.use(new MapStore())
    expect((await Promise.all(waiting)).every(Boolean)).toBe(true)
  })
})
