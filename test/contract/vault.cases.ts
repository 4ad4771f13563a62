import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import vectors from '../../fixtures/vectors.json' with { type: 'json' }
import type { Hello, Match, SecretId, Vault, VaultFailure } from '../../src/core/ports.ts'
import { readClientHello } from '../../src/core/protocol/faketls/client-hello.ts'
import { fromHex } from '../../src/core/protocol/bytes.ts'
import { Pkcs11Module } from '../../src/runtime/vault/pkcs11.ts'
import { storeSecret } from '../../src/runtime/vault/secrets.ts'
import { Pkcs11Token } from '../../src/runtime/vault/token.ts'
import { HsmVault } from '../../src/vault/hsm.ts'
import { probe } from '../../src/vault/known-answers.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { seeded } from '../core/seeded.ts'
import { clientHelloFor, helloFor } from '../vault/hellos.ts'
import type { Case } from './contract.ts'
import { RealHelper } from './helper.ts'
import { inToken, nss, softhsm } from './modules.ts'
import { withSealedVault } from './sealed-vault.ts'
import { loneWatch, makeToken, newTokens, PIN, SOFTHSM, TOKEN } from './softhsm.ts'

/** What every vault promises, wherever its secrets are. */

interface Subject {
  readonly vault: Vault
  put(id: SecretId, key: Uint8Array): void
  remove(id: SecretId): void
}

const bytes = (text: string): Uint8Array => fromHex(text) ?? assert.fail('a vector is not hex')

const CASES: readonly Case<Subject>[] = [
  {
    name: 'inits of the vectors give the keys of the vectors',
    async run(subject) {
      for (const [at, vector] of Object.values(vectors.obfuscated2.cases).entries()) {
        const id = at + 1
        if (vector.secret === null) continue
        subject.put(id, bytes(vector.secret))
        const { match, trials } = await ask(subject.vault, { kind: 'init', wire: bytes(vector.wire_init) }, [id])
        assert.equal(trials, 1)
        assert.ok(typeof match === 'object' && match.kind === 'init')
        assert.deepEqual(shown(match.fromClient), vector.client_to_server)
        assert.deepEqual(shown(match.toClient), vector.server_to_client)
        assert.equal(Buffer.from(match.plain).toString('hex'), vector.decrypted_init_full)
        subject.remove(id)
      }
    },
  },
  {
    name: 'the ClientHello of the vectors has the stamp of the vectors, and the answer is signed as there',
    async run(subject) {
      const { secret, client_hello: hello, timestamp, client_random_on_wire: random } = vectors.fake_tls
      subject.put(1, bytes(secret))
      const read = readClientHello(bytes(hello))
      assert.ok(read.state === 'hello')
      const { match } = await ask(subject.vault, { kind: 'client-hello', ...read.hello }, [1])
      assert.deepEqual(match, { kind: 'client-hello', id: 1, generation: 0, stamp: timestamp })
      const parts = [bytes(random), bytes(vectors.fake_tls.server_answer_zeroed_random)]
      assert.equal(hexOf(await signed(subject.vault, 1, parts)), vectors.fake_tls.server_random)
    },
  },
  {
    name: 'answers of random hellos and keys are those of software',
    async run(subject) {
      const memory = new MemoryVault()
      const random = seeded(7)
      for (let id = 1; id <= 10; id++) {
        const key = randomBytes(16)
        memory.put(id, key)
        subject.put(id, key)
        const hellos = [1, 2, 3].flatMap((sec) => [
          helloFor(key, random),
          clientHelloFor(key, 1_800_000_000 + sec, random),
        ])
        for (const hello of hellos) {
          const candidates = [id - 1, id].filter((one) => one > 0)
          assert.deepEqual(
            plain(await ask(subject.vault, hello, candidates)),
            plain(await ask(memory, hello, candidates)),
          )
        }
        const parts = [1, 0, 33, 4000].map((length) => random.fill(new Uint8Array(length)))
        assert.deepEqual(hexOf(await signed(subject.vault, id, parts)), hexOf(await signed(memory, id, parts)))
      }
    },
  },
  {
    name: 'the first candidate that fits is answered, with what was tried; ids that are not known are passed over',
    async run(subject) {
      const keys = [1, 2, 3].map((id) => new Uint8Array(16).fill(id))
      for (const [at, key] of keys.entries()) subject.put(at + 1, key)
      const hello = helloFor(keys[1])
      assert.deepEqual(idAndTrials(await ask(subject.vault, hello, [9, 1, 8, 2, 3])), [2, 2])
      assert.deepEqual(idAndTrials(await ask(subject.vault, hello, [9, 1, 3])), [undefined, 2])
      assert.deepEqual(idAndTrials(await ask(subject.vault, hello, [9])), [undefined, 0])
      assert.deepEqual(idAndTrials(await ask(subject.vault, hello, [])), [undefined, 0])
      assert.equal(await signed(subject.vault, 9, [keys[0]]), undefined)
    },
  },
  {
    name: 'a key that was removed is not known, and one put again is the new one',
    async run(subject) {
      const [old, now] = [3, 4].map((digit) => new Uint8Array(16).fill(digit))
      subject.put(1, old)
      subject.put(1, now)
      assert.deepEqual(idAndTrials(await ask(subject.vault, helloFor(old), [1])), [undefined, 1])
      assert.deepEqual(idAndTrials(await ask(subject.vault, helloFor(now), [1])), [1, 1])
      subject.remove(1)
      subject.remove(1)
      assert.deepEqual(idAndTrials(await ask(subject.vault, helloFor(now), [1])), [undefined, 0])
    },
  },
  {
    name: 'garbage of every kind matches nothing and breaks nothing',
    async run(subject) {
      const key = new Uint8Array(16).fill(5)
      subject.put(1, key)
      const random = seeded(3)
      for (let i = 0; i < 50; i++) {
        const wire = random.fill(new Uint8Array(64))
        const record = random.fill(new Uint8Array(1 + random.below(16_389)))
        assert.deepEqual(idAndTrials(await ask(subject.vault, { kind: 'init', wire }, [1])), [undefined, 1])
        const hello: Hello = { kind: 'client-hello', record, random: random.fill(new Uint8Array(32)) }
        assert.deepEqual(idAndTrials(await ask(subject.vault, hello, [1])), [undefined, 1])
      }
      assert.deepEqual(idAndTrials(await ask(subject.vault, helloFor(key), [1])), [1, 1])
    },
  },
  {
    name: 'thousands of questions are answered like the first',
    async run(subject) {
      const key = new Uint8Array(16).fill(6)
      subject.put(1, key)
      const init = helloFor(key)
      const hello = clientHelloFor(key, 1_800_000_000, seeded(9))
      const first = [plain(await ask(subject.vault, init, [1])), plain(await ask(subject.vault, hello, [1]))]
      for (let i = 0; i < 3000; i++)
        assert.deepEqual(
          [plain(await ask(subject.vault, init, [1])), plain(await ask(subject.vault, hello, [1]))],
          first,
        )
    },
  },
]

export const memoryVaultCases = CASES.map(({ name, run }) => ({
  name,
  run() {
    const vault = new MemoryVault()
    return run({ vault, put: (id, key) => vault.put(id, key), remove: (id) => vault.remove(id) })
  },
}))

/** Each in a token of its own. */
export const softhsmVaultCases = CASES.map(({ name, run }) => ({
  name,
  async run() {
    newTokens()
    makeToken()
    const token = new Pkcs11Token({ module: Pkcs11Module.load(SOFTHSM), name: TOKEN, pin: PIN, sessions: 3 })
    try {
      await run(subjectIn(token))
    } finally {
      token.close()
    }
  },
}))

/** What a helper gives beside a vault. */
export const helperRandomCases: readonly Case<void>[] = [
  {
    name: "bytes of the token's generator come as they are asked for, and never twice",
    async run() {
      newTokens()
      makeToken()
      const helper = await RealHelper.start()
      try {
        const draw = (count: number) => once<Uint8Array | undefined>((reply) => helper.vault.random(count, reply))
        const draws = await Promise.all([32, 32, 1024].map(draw))
        assert.deepEqual(
          draws.map((bytes) => bytes?.length),
          [32, 32, 1024],
        )
        assert.equal(new Set(draws.map(hexOf)).size, 3)
      } finally {
        await helper.close()
      }
    },
  },
]

/** The same through a helper process, whose token is filled from here. */
export const helperVaultCases = CASES.map(({ name, run }) => ({
  name,
  async run() {
    newTokens()
    makeToken()
    const token = new Pkcs11Token({ module: Pkcs11Module.load(SOFTHSM), name: TOKEN, pin: PIN, sessions: 1 })
    const helper = await RealHelper.start()
    let count = 0
    try {
      await run({
        vault: helper.vault,
        put(id, key) {
          const label = `secret-${++count}`
          assert.ok(storeSecret(token, label, key))
          helper.vault.put(id, label)
        },
        remove: (id) => helper.vault.remove(id),
      })
    } finally {
      await helper.close()
      token.close()
    }
  },
}))

/** The same on another module: nothing of it may differ. */
export const nssVaultCases = CASES.map(({ name, run }) => ({
  name,
  run: () => inToken(nss, (token) => run(subjectIn(token))),
}))

/** Secrets sealed in files, under a key of the token. */
export const sealedVaultCases = [softhsm, nss].flatMap((module) =>
  CASES.map(({ name, run }) => ({
    name: `${module.name}: ${name}`,
    run: () => inToken(module, (token) => withSealedVault(token, run)),
  })),
)

function subjectIn(token: Pkcs11Token): Subject {
  const probed = probe(token)
  assert.ok('route' in probed)
  const fail = (what: string) => assert.fail(what)
  const events = {
    onError: (error: Error) => fail(error.message),
    onGone: fail,
    onBack: () => fail('back'),
    onPinRefused: () => fail('pin'),
    onMissing: fail,
  }
  const vault = new HsmVault({
    token,
    trialKey: probed.trialKey,
    now: () => 0,
    wall: () => 0,
    events,
    pin: loneWatch(),
  })
  let count = 0
  return {
    vault,
    put(id, key) {
      const label = `secret-${++count}`
      assert.ok(storeSecret(token, label, key))
      vault.put(id, label)
    },
    remove: (id) => vault.remove(id),
  }
}

interface Asked {
  readonly match: Match | VaultFailure | undefined
  readonly trials: number
}

/** The one answer, whenever it comes. */
function ask(vault: Vault, hello: Hello, candidates: readonly SecretId[]): Promise<Asked> {
  return once((reply) => vault.match(hello, candidates, (match, trials) => reply({ match, trials })))
}

function signed(vault: Vault, id: SecretId, parts: readonly Uint8Array[]): Promise<Uint8Array | undefined> {
  return once((reply) => vault.sign({ id, generation: 0 }, parts, reply))
}

/** A second answer is a failure of whatever case runs then. */
function once<T>(act: (reply: (answer: T) => void) => void): Promise<T> {
  return new Promise((resolve) => {
    let answers = 0
    act((answer) => {
      assert.equal(++answers, 1)
      resolve(answer)
    })
  })
}

function idAndTrials({ match, trials }: Asked): unknown {
  return [typeof match === 'object' ? match.id : match, trials]
}

/** The same whatever kind of byte array a vault answers with. */
function plain(found: unknown): unknown {
  if (found instanceof Uint8Array) return hexOf(found)
  if (typeof found !== 'object' || found === null) return found
  return Object.fromEntries(Object.entries(found).map(([name, inner]) => [name, plain(inner)]))
}

function shown({ key, iv }: { readonly key: Uint8Array; readonly iv: Uint8Array }) {
  return { key: hexOf(key), iv: hexOf(iv) }
}

function hexOf(found: Uint8Array | undefined): string | undefined {
  return found === undefined ? undefined : Buffer.from(found).toString('hex')
}
