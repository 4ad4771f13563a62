import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dialHelper, serveHelper, type HelperServer } from '../../src/runtime/vault/helper-socket.ts'
import type { Link } from '../../src/vault/helper/client.ts'
import type { Case } from './contract.ts'

/** The Unix socket between the processes of a proxy and its vault helper. */

interface Subject {
  readonly path: string
  /** Echoes what it hears, until it hears a 0; `gone` counts connections that have ended. */
  readonly serve: () => Promise<HelperServer & { readonly gone: () => number }>
  readonly dial: () => Ear
}

/** A link, and what was told of it. */
interface Ear {
  readonly link: Link
  readonly told: string[]
  /** Settles once so much was told. */
  heard(count: number): Promise<string[]>
}

const CASES: readonly Case<Subject>[] = [
  {
    name: 'is for its owner alone, takes the place of one that was left behind, and goes with the helper',
    async run({ path, serve }) {
      writeFileSync(path, '')
      const server = await serve()
      assert.equal(statSync(path).mode & 0o777, 0o600)
      assert.ok(statSync(path).isSocket())
      server.close()
      assert.ok(!existsSync(path))
    },
  },
  {
    name: 'carries bytes both ways',
    async run({ serve, dial }) {
      const server = await serve()
      const ear = dial()
      assert.deepEqual(await ear.heard(1), ['open'])
      ear.link.write(Uint8Array.of(1, 2, 3))
      assert.deepEqual(await ear.heard(2), ['open', '1,2,3'])
      ear.link.close()
      server.close()
    },
  },
  {
    name: 'is closed, once, where nobody listens',
    async run({ dial }) {
      const ear = dial()
      assert.deepEqual(ear.told, [])
      await ear.heard(1)
      await turns()
      assert.deepEqual(ear.told, ['close'])
    },
  },
  {
    name: 'is cut off by a helper that hears nonsense, and both sides are told',
    async run({ serve, dial }) {
      const server = await serve()
      const ear = dial()
      await ear.heard(1)
      ear.link.write(Uint8Array.of(0))
      await ear.heard(2)
      await turns()
      assert.deepEqual(ear.told, ['open', 'close'])
      assert.equal(server.gone(), 1)
      server.close()
    },
  },
  {
    name: 'tells nothing more of a link that was closed from here',
    async run({ serve, dial }) {
      const server = await serve()
      const [first, second] = [dial(), dial()]
      await Promise.all([first.heard(1), second.heard(1)])
      first.link.write(Uint8Array.of(7))
      first.link.close()
      second.link.write(Uint8Array.of(8))
      await second.heard(2)
      await turns()
      assert.deepEqual([first.told, second.told], [['open'], ['open', '8']])
      second.link.close()
      server.close()
    },
  },
  {
    name: 'is an error with a code where there is no such folder',
    async run({ path }) {
      const result = await serveHelper(join(path, 'nowhere', 'x.sock'), () => assert.fail('nobody can come'))
      assert.ok('error' in result && /^E[A-Z]+$/.test(result.error))
    },
  },
]

export const helperSocketCases = CASES.map(({ name, run }) => ({
  name,
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-helper-'))
    const path = join(folder, 'vault.sock')
    try {
      await run({ path, serve: () => serve(path), dial: () => dial(path) })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}))

async function serve(path: string): Promise<HelperServer & { readonly gone: () => number }> {
  let gone = 0
  const server = await serveHelper(path, (write) => ({
    heard(chunk) {
      if (chunk[0] === 0) return false
      write(Uint8Array.from(chunk))
      return true
    },
    close: () => gone++,
  }))
  assert.ok(!('error' in server))
  return { close: () => server.close(), gone: () => gone }
}

function dial(path: string): Ear {
  const told: string[] = []
  let look = () => {}
  const tell = (what: string) => {
    told.push(what)
    look()
  }
  const link = dialHelper(path, {
    onOpen: () => tell('open'),
    onBytes: (chunk) => tell(Array.from(chunk).join(',')),
    onClose: () => tell('close'),
  })
  const heard = (count: number) =>
    new Promise<string[]>((resolve) => {
      look = () => {
        if (told.length >= count) resolve([...told])
      }
      look()
    })
  return { link, told, heard }
}

/** Whatever the system has for us by now. */
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}
