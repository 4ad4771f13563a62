import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Store } from '../../src/core/ports.ts'
import { createRuntime, type LevelStore, type StoreError } from '../../src/runtime/index.ts'
import type { Case } from './contract.ts'

/** What a `Store` promises, on LevelDB. */

const runtime = createRuntime()
const VALUE_MAX = 1 << 20

const CASES: readonly Case<string>[] = [
  {
    name: 'a value put is the value got, the latest one, and empty ones and the largest too',
    run: (directory) =>
      withStore(directory, async (store) => {
        for (const value of [bytes(3), bytes(0), bytes(VALUE_MAX), bytes(5)]) {
          assert.equal(await put(store, 'key', value), true)
          assert.deepEqual(await get(store, 'key'), value)
        }
      }),
  },
  {
    name: 'a key never put is undefined, and one deleted again',
    run: (directory) =>
      withStore(directory, async (store) => {
        assert.equal(await get(store, 'none'), undefined)
        await put(store, 'some', bytes(3))
        assert.equal(await remove(store, 'some'), true)
        assert.equal(await remove(store, 'some'), true)
        assert.equal(await get(store, 'some'), undefined)
      }),
  },
  {
    name: 'the value may be overwritten as soon as put returns',
    run: (directory) =>
      withStore(directory, async (store) => {
        const value = bytes(1000)
        const done = put(store, 'key', value)
        value.fill(0xee)
        await done
        assert.deepEqual(await get(store, 'key'), bytes(1000))
      }),
  },
  {
    name: 'calls answer once, never at once, also without a reply',
    run: (directory) =>
      withStore(directory, async (store) => {
        const answers: string[] = []
        store.put('silent', bytes(1))
        // Each is waited for by itself: the port promises no order among them.
        const all = Promise.all([
          new Promise<void>((resolve) => store.put('a', bytes(1), () => resolve(void answers.push('put')))),
          new Promise<void>((resolve) => store.delete('b', () => resolve(void answers.push('delete')))),
          new Promise<void>((resolve) => store.get('c', () => resolve(void answers.push('get')))),
        ])
        assert.deepEqual(answers, [])
        await all
        // A second answer of any of them would come by now.
        await get(store, 'a')
        assert.deepEqual(answers.sort(), ['delete', 'get', 'put'])
      }),
  },
  {
    name: 'values survive a close and a new open',
    async run(directory) {
      await withStore(directory, (store) => put(store, 'key', bytes(100)))
      await withStore(directory, async (store) => assert.deepEqual(await get(store, 'key'), bytes(100)))
    },
  },
  {
    name: 'a value acknowledged survives kill -9, and the store opens again',
    async run(directory) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'store.child.ts'), directory], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const gone = new Promise((resolve) => child.once('exit', resolve))
      await new Promise((resolve) => child.stdout.once('data', resolve))
      child.kill('SIGKILL')
      await gone
      await withStore(directory, async (store) => assert.deepEqual(await get(store, 'acknowledged'), bytes(1000)))
    },
  },
  {
    name: 'a store that is open elsewhere is an error of one clear line',
    run: (directory) =>
      withStore(directory, async () => {
        const second = await open(directory)
        assert.ok('error' in second)
        assert.equal(second.error.message, `the state in ${directory} is in use by another process`)
      }),
  },
  {
    name: 'a directory that cannot be had is an error of one clear line',
    async run(directory) {
      const file = join(directory, 'file')
      writeFileSync(file, '')
      const result = await open(join(file, 'below'))
      assert.ok('error' in result)
      assert.match(result.error.message, /^cannot open the state in .*below: .*$/)
    },
  },
  {
    name: 'after close every call is answered with failure, and counted',
    async run(directory) {
      const store = await open(directory)
      assert.ok(!('error' in store))
      await close(store)
      assert.equal(await get(store, 'key'), undefined)
      assert.equal(await put(store, 'key', bytes(1)), false)
      assert.equal(await remove(store, 'key'), false)
      assert.equal(store.failures, 3)
    },
  },
]

/** Each in a directory of its own. */
export const storeCases: readonly Case<void>[] = CASES.map(({ name, run }) => ({
  name,
  async run() {
    const directory = mkdtempSync(join(tmpdir(), 'palisade-store-'))
    try {
      await run(directory)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  },
}))

export function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 7) & 0xff)
}

export function open(directory: string): Promise<LevelStore | { readonly error: StoreError }> {
  return new Promise((resolve) => runtime.openStore(directory, resolve))
}

export function put(store: Store, key: string, value: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => store.put(key, value, resolve))
}

async function withStore<T>(directory: string, use: (store: LevelStore) => Promise<T>): Promise<void> {
  const store = await open(directory)
  if ('error' in store) throw new Error(store.error.message)
  try {
    await use(store)
  } finally {
    await close(store)
  }
}

async function get(store: Store, key: string): Promise<Uint8Array | undefined> {
  const value = await new Promise<Uint8Array | undefined>((resolve) => store.get(key, resolve))
  return value === undefined ? undefined : Uint8Array.from(value)
}

function remove(store: Store, key: string): Promise<boolean> {
  return new Promise((resolve) => store.delete(key, resolve))
}

function close(store: LevelStore): Promise<void> {
  return new Promise((resolve) => store.close(resolve))
}
