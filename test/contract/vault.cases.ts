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
    run(subject) {
      for (const [at, vector] of Object.values(vectors.obfuscated2.cases).entries()) {
        const id = at + 1
        if (vector.secret === null) continue
        subject.put(id, bytes(vector.secret))
        const { match, trials } = ask(subject.vault, { kind: 'init', wire: bytes(vector.wire_init) }, [id])
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
    run(subject) {
      const { secret, client_hello: hello, timestamp, client_random_on_wire: random } = vectors.fake_tls
      subject.put(1, bytes(secret))
      const read = readClientHello(bytes(hello))
      assert.ok(read.state === 'hello')
      const { match } = ask(subject.vault, { kind: 'client-hello', ...read.hello }, [1])
      assert.deepEqual(match, { kind: 'client-hello', id: 1, generation: 0, stamp: timestamp })
      const parts = [bytes(random), bytes(vectors.fake_tls.server_answer_zeroed_random)]
      assert.equal(hexOf(signed(subject.vault, 1, parts)), vectors.fake_tls.server_random)
    },
  },
  {
    name: 'answers of random hellos and keys are those of software',
    run(subject) {
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
          assert.deepEqual(plain(ask(subject.vault, hello, candidates)), plain(ask(memory, hello, candidates)))
        }
        const parts = [1, 0, 33, 4000].map((length) => random.fill(new Uint8Array(length)))
        assert.deepEqual(hexOf(signed(subject.vault, id, parts)), hexOf(signed(memory, id, parts)))
      }
    },
  },
  {
    name: 'the first candidate that fits is answered, with what was tried; ids that are not known are passed over',
    run(subject) {
      const keys = [1, 2, 3].map((id) => new Uint8Array(16).fill(id))
      for (const [at, key] of keys.entries()) subject.put(at + 1, key)
      const hello = helloFor(keys[1])
      assert.deepEqual(idAndTrials(ask(subject.vault, hello, [9, 1, 8, 2, 3])), [2, 2])
      assert.deepEqual(idAndTrials(ask(subject.vault, hello, [9, 1, 3])), [undefined, 2])
      assert.deepEqual(idAndTrials(ask(subject.vault, hello, [9])), [undefined, 0])
      assert.deepEqual(idAndTrials(ask(subject.vault, hello, [])), [undefined, 0])
      assert.equal(signed(subject.vault, 9, [keys[0]]), undefined)
    },
  },
  {
    name: 'a key that was removed is not known, and one put again is the new one',
    run(subject) {
      const [old, now] = [3, 4].map((digit) => new Uint8Array(16).fill(digit))
      subject.put(1, old)
      subject.put(1, now)
      assert.deepEqual(idAndTrials(ask(subject.vault, helloFor(old), [1])), [undefined, 1])
      assert.deepEqual(idAndTrials(ask(subject.vault, helloFor(now), [1])), [1, 1])
      subject.remove(1)
      subject.remove(1)
      assert.deepEqual(idAndTrials(ask(subject.vault, helloFor(now), [1])), [undefined, 0])
    },
  },
  {
    name: 'garbage of every kind matches nothing and breaks nothing',
    run(subject) {
      const key = new Uint8Array(16).fill(5)
      subject.put(1, key)
      const random = seeded(3)
      for (let i = 0; i < 50; i++) {
        const wire = random.fill(new Uint8Array(64))
        const record = random.fill(new Uint8Array(1 + random.below(16_389)))
        assert.deepEqual(idAndTrials(ask(subject.vault, { kind: 'init', wire }, [1])), [undefined, 1])
        const hello: Hello = { kind: 'client-hello', record, random: random.fill(new Uint8Array(32)) }
        assert.deepEqual(idAndTrials(ask(subject.vault, hello, [1])), [undefined, 1])
      }
      assert.deepEqual(idAndTrials(ask(subject.vault, helloFor(key), [1])), [1, 1])
    },
  },
  {
    name: 'thousands of questions are answered like the first',
    run(subject) {
      const key = new Uint8Array(16).fill(6)
      subject.put(1, key)
      const init = helloFor(key)
      const hello = clientHelloFor(key, 1_800_000_000, seeded(9))
      const first = [plain(ask(subject.vault, init, [1])), plain(ask(subject.vault, hello, [1]))]
      for (let i = 0; i < 3000; i++)
        assert.deepEqual([plain(ask(subject.vault, init, [1])), plain(ask(subject.vault, hello, [1]))], first)
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
  const vault = new HsmVault({ token, trialKey: probed.trialKey, now: () => 0, events, pin: loneWatch() })
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

/** Vaults of these suites answer before they return. */
function ask(vault: Vault, hello: Hello, candidates: readonly SecretId[]): Asked {
  const answers: Asked[] = []
  vault.match(hello, candidates, (match, trials) => answers.push({ match, trials }))
  assert.equal(answers.length, 1)
  return answers[0]
}

function signed(vault: Vault, id: SecretId, parts: readonly Uint8Array[]): Uint8Array | undefined {
  const macs: (Uint8Array | undefined)[] = []
  vault.sign({ id, generation: 0 }, parts, (mac) => macs.push(mac))
  assert.equal(macs.length, 1)
  return macs[0]
}

function idAndTrials({ match, trials }: Asked): unknown {
  return [typeof match === 'object' ? match.id : match, trials]
}

/** The same whatever kind of byte array a vault answers with. */
function plain(asked: Asked): unknown {
  return JSON.parse(
    JSON.stringify(asked, (_name, value: unknown) => (value instanceof Uint8Array ? hexOf(value) : value)),
  )
}

function shown({ key, iv }: { readonly key: Uint8Array; readonly iv: Uint8Array }) {
  return { key: hexOf(key), iv: hexOf(iv) }
}

function hexOf(found: Uint8Array | undefined): string | undefined {
  return found === undefined ? undefined : Buffer.from(found).toString('hex')
}
