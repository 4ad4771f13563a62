import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load, type LoadedConfig } from '../../src/config/load.ts'
import type { Store } from '../../src/core/ports.ts'
import { createRuntime } from '../../src/runtime/index.ts'
import { Pkcs11Crypto } from '../../src/runtime/vault/crypto.ts'
import { ConfigFault, StartError } from '../../src/start/errors.ts'
import { openStateKey } from '../../src/start/seal.ts'
import { openStateStore } from '../../src/start/state-store.ts'
import type { Case } from './contract.ts'
import { nss, openIn, softhsm, type TestModule } from './modules.ts'
import { PIN } from './softhsm.ts'

/** The sealed state on LevelDB: what is on the disk, what survives, and what is refused, whatever key it is sealed under. */

interface Subject {
  readonly folder: string
  /** `state.sealed`, and what `[hsm]` has to say. */
  readonly sealed: string
  readonly hsm: string
  /** Another key of the same place, and one that is not there. */
  readonly other: string
  readonly missing: string
}

const VALUE = Buffer.from('a value that anybody would recognise')
const NAME = 'flight/hidden.example.org'
const runtime = createRuntime()

const CASES: readonly Case<Subject>[] = [
  {
    name: 'what was put is had after a new start, and nothing of it can be read on the disk',
    async run(subject) {
      const values = [VALUE, Buffer.alloc(0), Buffer.concat([VALUE, Buffer.alloc((1 << 20) - VALUE.length)])]
      await withStore(subject, async (store) => {
        for (const [at, value] of values.entries()) assert.ok(await put(store, `${NAME}${at}`, value))
        assert.ok(await put(store, 'gone', VALUE))
        assert.ok(await new Promise((resolve) => store.delete('gone', resolve)))
      })
      expectHidden(subject.folder)
      await withStore(subject, async (store) => {
        for (const [at, value] of values.entries()) assert.deepEqual(await get(store, `${NAME}${at}`), value)
        assert.equal(await get(store, 'gone'), undefined)
      })
    },
  },
  {
    name: 'a state in the clear is sealed at the first start, and nothing is left of it',
    async run(subject) {
      const clear = { ...subject, sealed: '' }
      const names = Array.from({ length: 40 }, (_, at) => `${NAME}${at}`)
      await withStore(clear, async (store) => {
        for (const name of names) await put(store, name, Buffer.concat([VALUE, Buffer.from(name)]))
      })
      assert.throws(() => expectHidden(subject.folder), 'the search finds what is there')
      await withStore(subject, async (store) => {
        for (const name of names) assert.deepEqual(await get(store, name), Buffer.concat([VALUE, Buffer.from(name)]))
      })
      expectHidden(subject.folder)
      assert.deepEqual(readdirSync(subject.folder).sort(), ['sealed'])
    },
  },
  {
    name: 'a crash at any moment of that loses nothing',
    async run(subject) {
      const clear = join(subject.folder, 'store')
      await withStore({ ...subject, sealed: '' }, (store) => put(store, NAME, VALUE))
      // Half a draft of an earlier try.
      mkdirSync(join(subject.folder, 'sealed.draft', 'store'), { recursive: true })
      writeFileSync(join(subject.folder, 'sealed.draft', 'key'), 'half')
      cpSync(clear, join(subject.folder, 'copy'), { recursive: true })
      await withStore(subject, (store) => put(store, 'later', VALUE))
      // The state in the clear was not removed any more.
      cpSync(join(subject.folder, 'copy'), clear, { recursive: true })
      rmSync(join(subject.folder, 'copy'), { recursive: true })
      await withStore(subject, async (store) => {
        assert.deepEqual(await get(store, NAME), VALUE)
        assert.deepEqual(await get(store, 'later'), VALUE)
      })
      expectHidden(subject.folder)
    },
  },
  {
    name: 'a key that is another one, missing or not named, and a sealed key that is damaged, are one line each',
    async run(subject) {
      await withStore(subject, (store) => put(store, NAME, VALUE))
      const key = join(subject.folder, 'sealed', 'key')
      const good = readFileSync(key)
      const lines = (sealed = subject.sealed) => faultOf({ ...subject, sealed })
      assert.match(
        lines(subject.other),
        /state\.sealed: expected the key that .*sealed\/key is sealed with, got .*does not open/,
      )
      assert.match(lines(subject.missing), /state\.sealed: expected .*(there is none of that name|does not exist)/)
      assert.match(lines(''), /state\.sealed: expected the key that .*sealed is sealed with.*remove that folder/)
      for (const at of [0, 20, 59]) {
        writeFileSync(
          key,
          good.map((byte, i) => (i === at ? byte ^ 1 : byte)),
        )
        assert.match(lines(), /does not open/)
      }
      writeFileSync(key, good.subarray(1))
      assert.match(lines(), /its length is wrong/)
      rmSync(key)
      assert.match(lines(), /it does not exist; .*restore it from a backup/)
      writeFileSync(key, good)
      await withStore(subject, async (store) => assert.deepEqual(await get(store, NAME), VALUE))
    },
  },
  {
    name: 'a folder in which nothing can be written is one line, and the state stays as it was',
    async run(subject) {
      await withStore({ ...subject, sealed: '' }, (store) => put(store, NAME, VALUE))
      // Root can write everywhere, but not below a file.
      writeFileSync(join(subject.folder, 'sealed.draft'), '')
      await withStore(subject, async (store) => assert.deepEqual(await get(store, NAME), VALUE))
      const below = { ...subject, folder: join(subject.folder, 'sealed', 'key', 'below') }
      const seal = openStateKey(configOf(below))
      const onBroken = () => assert.fail('broken')
      const { message } = await openStateStore({ runtime, folder: below.folder, seal, onBroken }).then(
        () => assert.fail('it opened'),
        (error: unknown) => (error instanceof StartError ? error : assert.fail(String(error))),
      )
      assert.match(message, /^the state cannot be sealed: [^\n]*$/)
    },
  },
]

/** With keys in files. */
export const fileSealedCases: readonly Case<void>[] = CASES.map(({ name, run }) => ({
  name,
  run: () =>
    inFolder((folder) => {
      for (const [at, file] of ['key', 'other'].entries())
        writeFileSync(join(folder, file), `${String(at).repeat(64)}\n`, { mode: 0o600 })
      const path = (file: string) => `file:${join(folder, file)}`
      return run({
        folder: join(folder, 'state'),
        hsm: '',
        sealed: path('key'),
        other: path('other'),
        missing: path('none'),
      })
    }),
}))

export const softhsmSealedCases = casesIn(softhsm)
export const nssSealedCases = casesIn(nss)

function casesIn(module: TestModule): Case<void>[] {
  return CASES.map(({ name, run }) => ({
    name,
    run: () =>
      inFolder(async (folder) => {
        const parameters = module.make()
        await openIn(module, parameters, (token) => {
          const crypto = new Pkcs11Crypto(token)
          for (const label of ['state', 'other']) crypto.createCipherKey(label)
        })
        process.env.HSM_PIN = PIN
        const hsm = `[hsm]\nmodule = "${module.path}"\nparameters = "${parameters}"\ntoken = "${module.token}"\npin = "env:HSM_PIN"\n`
        return run({ folder: join(folder, 'state'), hsm, sealed: 'hsm:state', other: 'hsm:other', missing: 'hsm:none' })
      }),
  }))
}

async function inFolder(run: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-sealed-'))
  try {
    await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function configOf({ folder, sealed, hsm }: Subject): LoadedConfig {
  const secret = `[[secret]]\nname = "ann"\nkey = "${'01'.repeat(16)}"\nmodes = ["padded"]\n`
  const loaded = load({
    text: `${secret}${hsm}[state]\npath = "${folder}"\nsealed = "${sealed}"\n`,
    file: 'palisade.toml',
  })
  assert.ok(!('problems' in loaded), JSON.stringify(loaded))
  return loaded
}

/** One start: the key is unsealed and the store opened, used and closed. */
async function withStore(subject: Subject, use: (store: Store) => Promise<unknown>): Promise<void> {
  const seal = openStateKey(configOf(subject))
  const onBroken = (name: string) => assert.fail(`${name} is broken`)
  const { store, level } = await openStateStore({ runtime, folder: subject.folder, seal, onBroken })
  try {
    await use(store)
  } finally {
    await new Promise<void>((done) => level.close(done))
  }
}

function faultOf(subject: Subject): string {
  try {
    openStateKey(configOf(subject))
  } catch (error) {
    assert.ok(error instanceof ConfigFault, String(error))
    assert.equal(error.lines.length, 1)
    return error.lines[0]
  }
  return assert.fail('it opened')
}

/** No file of the folder has a word of the value or of its name. */
function expectHidden(folder: string): void {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true }).filter((one) =>
    one.isFile(),
  )
  assert.ok(files.length > 0 && existsSync(folder))
  for (const { parentPath, name } of files) {
    const text = readFileSync(join(parentPath, name)).toString('latin1')
    for (const word of ['anybody', 'hidden', 'example']) assert.ok(!text.includes(word), `${name} has "${word}"`)
  }
}

function put(store: Store, name: string, value: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => store.put(name, value, resolve))
}

function get(store: Store, name: string): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => store.get(name, (value) => resolve(value && Buffer.from(value))))
}
