import assert from 'node:assert/strict'
import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import vectors from '../../fixtures/crypto-vectors.json' with { type: 'json' }
import { fromHex, toHex } from '../../src/core/protocol/bytes.ts'
import type { Random } from '../../src/core/ports.ts'
import { Pkcs11Crypto } from '../../src/runtime/vault/crypto.ts'
import { listSecrets, storeSecret } from '../../src/runtime/vault/secrets.ts'
import {
  KeyFault,
  MESSAGE_MAX_BYTES,
  NotAuthentic,
  type Crypto,
  type Hash,
  type Operation,
  type SignatureKind,
} from '../../src/vault/crypto.ts'
import { SoftwareCrypto, verify } from '../../src/vault/software-crypto.ts'
import { TokenError } from '../../src/vault/token.ts'
import { seeded } from '../core/seeded.ts'
import type { Case } from './contract.ts'
import { inToken, nss, softhsm, type TestModule } from './modules.ts'

/** What `Crypto` promises, wherever its keys are. */

interface Subject {
  readonly crypto: Crypto
  /** Kinds of signatures that the place has no mechanism for. */
  readonly lacks: readonly SignatureKind[]
}

const HASHES: readonly Hash[] = ['sha256', 'sha384', 'sha512']
const KINDS: readonly SignatureKind[] = ['ecdsa-p256', 'ed25519']
const bytes = (text: string): Uint8Array => fromHex(text) ?? assert.fail('a vector is not hex')

const CASES: readonly Case<Subject>[] = [
  {
    name: 'AES-256-GCM gives the vectors, and opens them',
    run({ crypto }) {
      for (const [at, { key, plain, sealed, ...head }] of vectors.gcm.entries()) {
        crypto.createCipherKey(`k${at}`, bytes(key))
        const cipher = crypto.cipherKey(`k${at}`)
        const heads = { nonce: bytes(head.nonce), aad: bytes(head.aad) }
        assert.equal(toHex(whole(cipher.seal(heads), bytes(plain))), sealed)
        assert.equal(toHex(whole(cipher.open(heads), bytes(sealed))), plain)
      }
    },
  },
  {
    name: 'AES-256-CTR gives the vectors, in both directions',
    run({ crypto }) {
      const [{ key, iv, plain, cipher }] = vectors.ctr
      crypto.createCipherKey('k', bytes(key))
      assert.equal(toHex(whole(crypto.cipherKey('k').ctr(bytes(iv)), bytes(plain))), cipher)
      assert.equal(toHex(whole(crypto.cipherKey('k').ctr(bytes(iv)), bytes(cipher))), plain)
    },
  },
  {
    name: 'SHA-2 and HMAC give the vectors',
    run({ crypto }) {
      for (const { message, ...digests } of vectors.hash)
        for (const hash of HASHES) assert.equal(toHex(whole(crypto.hash(hash), bytes(message))), digests[hash])
      for (const [at, { key, message, ...macs }] of vectors.hmac.entries()) {
        crypto.createMacKey(`m${at}`, bytes(key))
        for (const hash of HASHES)
          assert.equal(toHex(whole(crypto.macKey(`m${at}`).hmac(hash), bytes(message))), macs[hash])
      }
    },
  },
  {
    name: 'random bytes in random parts give what node:crypto gives',
    run({ crypto }) {
      const random = seeded(11)
      const key = randomBytes(32)
      const macKey = randomBytes(64)
      crypto.createCipherKey('k', key)
      crypto.createMacKey('m', macKey)
      const cipher = crypto.cipherKey('k')
      for (let i = 0; i < 40; i++) {
        const message = random.fill(new Uint8Array(random.below(i < 20 ? 100 : 5000)))
        const nonce = random.fill(new Uint8Array(12))
        const aad = random.fill(new Uint8Array(random.below(40)))
        const iv = random.fill(new Uint8Array(16)).fill(0xff, 1 + random.below(16))
        const gcm = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad)
        const sealed = Buffer.concat([gcm.update(message), gcm.final(), gcm.getAuthTag()])
        const inParts = (operation: Operation, input: Uint8Array) => cut(operation, input, random)
        assert.equal(inParts(cipher.seal({ nonce, aad }), message), toHex(sealed))
        assert.equal(inParts(cipher.open({ nonce, aad }), sealed), toHex(message))
        assert.equal(inParts(cipher.ctr(iv), message), toHex(createCipheriv('aes-256-ctr', key, iv).update(message)))
        for (const hash of HASHES) {
          assert.equal(inParts(crypto.hash(hash), message), createHash(hash).update(message).digest('hex'))
          const mac = createHmac(hash, macKey).update(message).digest('hex')
          assert.equal(inParts(crypto.macKey('m').hmac(hash), message), mac)
        }
      }
    },
  },
  {
    name: 'what was changed, cut short, moved or sealed by others does not open, and is one error; nothing of it comes out',
    run({ crypto }) {
      crypto.createCipherKey('k')
      crypto.createCipherKey('other')
      const cipher = crypto.cipherKey('k')
      const head = { nonce: randomBytes(12), aad: Buffer.from('ban/192.0.2.1') }
      const message = randomBytes(100)
      const sealed = whole(cipher.seal(head), message)
      const flipped = (at: number) => sealed.map((byte, i) => (i === at ? byte ^ 1 : byte))
      const attempts: [Uint8Array, typeof head?][] = [
        ...[0, 50, 99, 100, 115].map((at): [Uint8Array] => [flipped(at)]),
        ...[0, 1, 15, 16, 17, 99, 115].map((to): [Uint8Array] => [sealed.subarray(0, to)]),
        [Buffer.concat([sealed, Buffer.of(0)])],
        [sealed, { ...head, aad: Buffer.from('ban/192.0.2.2') }],
        [sealed, { ...head, aad: Buffer.alloc(0) }],
        [sealed, { ...head, nonce: Buffer.alloc(12) }],
      ]
      for (const [found, under = head] of attempts) {
        const opening = cipher.open(under)
        assert.equal(opening.update(found).length, 0)
        assert.throws(() => opening.final(), NotAuthentic)
      }
      assert.throws(() => whole(crypto.cipherKey('other').open(head), sealed), NotAuthentic)
      assert.equal(toHex(whole(cipher.open(head), sealed)), toHex(message))
    },
  },
  {
    name: 'the longest message is sealed and opened, and one byte more is refused',
    run({ crypto }) {
      crypto.createCipherKey('k')
      const head = { nonce: randomBytes(12), aad: Buffer.alloc(0) }
      const message = new Uint8Array(MESSAGE_MAX_BYTES - 16).fill(7)
      const sealed = whole(crypto.cipherKey('k').seal(head), message)
      assert.equal(Buffer.compare(whole(crypto.cipherKey('k').open(head), sealed), message), 0)
      assert.throws(() => whole(crypto.cipherKey('k').open(head), new Uint8Array(MESSAGE_MAX_BYTES + 1)), RangeError)
    },
  },
  {
    name: 'signatures are good for their message, their key and their kind alone',
    run({ crypto, lacks }) {
      const random = seeded(5)
      for (const kind of KINDS.filter((one) => !lacks.includes(one))) {
        crypto.createSigningKey(kind, kind)
        crypto.createSigningKey(`${kind}-2`, kind)
        const key = crypto.signingKey(kind)
        assert.equal(key.kind, kind)
        for (const length of [0, 1, 32, 5000]) {
          const message = random.fill(new Uint8Array(length))
          const signature = bytes(cut(key.sign(), message, random))
          assert.ok(verify(key, message, signature))
          assert.ok(!verify(crypto.signingKey(`${kind}-2`), message, signature))
          assert.ok(!verify(key, Buffer.concat([message, Buffer.of(0)]), signature))
          signature[40] ^= 1
          assert.ok(!verify(key, message, signature))
        }
      }
    },
  },
  {
    name: 'a kind of signature that the module lacks is a fault of the token',
    run({ crypto, lacks }) {
      for (const kind of lacks) assert.throws(() => crypto.createSigningKey('s', kind), TokenError)
    },
  },
  {
    name: 'a label is given once to each kind of key, and one that is not there is a fault',
    run({ crypto }) {
      const taken = { message: 'there is a key of that label already' }
      for (const create of [
        () => crypto.createCipherKey('x'),
        () => crypto.createMacKey('x'),
        () => crypto.createSigningKey('x', 'ecdsa-p256'),
      ]) {
        create()
        assert.throws(create, taken)
      }
      whole(crypto.macKey('x').hmac('sha512'), randomBytes(3))
      for (const look of [() => crypto.cipherKey('y'), () => crypto.macKey('y'), () => crypto.signingKey('y')])
        assert.throws(look, KeyFault)
    },
  },
  {
    name: "operations that were begun together, given up or left alone are in no other one's way",
    run({ crypto }) {
      const message = Buffer.from('one and the same')
      const digest = createHash('sha256').update(message).digest('hex')
      const all = Array.from({ length: 50 }, () => crypto.hash('sha256'))
      for (const byte of message) for (const one of all) one.update(Buffer.of(byte))
      for (const one of all.slice(0, 10)) one.cancel()
      for (const one of all.slice(10)) assert.equal(toHex(one.final()), digest)
      for (const one of all) one.cancel()
    },
  },
  {
    name: 'random bytes are as many as asked for, and others each time',
    run({ crypto }) {
      assert.deepEqual(
        [1, 32, 65_536].map((length) => crypto.random(length).length),
        [1, 32, 65_536],
      )
      assert.notDeepEqual(crypto.random(32), crypto.random(32))
    },
  },
]

const verifyVectors: Case<void> = {
  name: 'the signatures of the vectors are good, and no others',
  run() {
    for (const kind of KINDS)
      for (const { publicKey, message, signature } of vectors[kind]) {
        const key = { kind, publicKey: bytes(publicKey) }
        assert.ok(verify(key, bytes(message), bytes(signature)))
        assert.ok(!verify(key, Buffer.from('another'), bytes(signature)))
        for (const wrong of [new Uint8Array(0), new Uint8Array(64), bytes(signature).subarray(1)])
          assert.ok(!verify(key, bytes(message), wrong))
        assert.ok(!verify({ kind, publicKey: new Uint8Array(7) }, bytes(message), bytes(signature)))
      }
  },
}

export const softwareCryptoCases: readonly Case<void>[] = [
  ...CASES.map(({ name, run }) => ({ name, run: () => run({ crypto: new SoftwareCrypto(), lacks: [] }) })),
  verifyVectors,
]

export const softhsmCryptoCases = [...casesIn(softhsm), apartFromSecrets(softhsm)]
export const nssCryptoCases = [...casesIn(nss), apartFromSecrets(nss)]

function apartFromSecrets(module: TestModule): Case<void> {
  return {
    name: 'keys of ours are no secrets of clients, of whatever label',
    run: () =>
      inToken(module, (token) => {
        assert.ok(storeSecret(token, 'x', new Uint8Array(16).fill(1)))
        const crypto = new Pkcs11Crypto(token)
        crypto.createCipherKey('x')
        crypto.createMacKey('x')
        crypto.createSigningKey('x', 'ecdsa-p256')
        whole(crypto.cipherKey('x').ctr(new Uint8Array(16)), new Uint8Array(9))
        assert.deepEqual(listSecrets(token), [{ label: 'x', generations: [{ number: 1, state: 'active' }] }])
        assert.ok(!('fault' in token.find('x')))
      }),
  }
}

function casesIn(module: TestModule): Case<void>[] {
  return CASES.map(({ name, run }) => ({
    name,
    run: () => inToken(module, (token) => run({ crypto: new Pkcs11Crypto(token), lacks: module.lacks })),
  }))
}

/** The message in one piece. */
function whole(operation: Operation, message: Uint8Array): Uint8Array {
  return Buffer.concat([operation.update(message), operation.final()])
}

/** In parts of any length, none among them, each written over when it was taken; as hex. */
function cut(operation: Operation, message: Uint8Array, random: Random): string {
  const out: string[] = []
  for (let at = 0; at < message.length;) {
    const part = Uint8Array.from(message.subarray(at, at + random.below(random.below(2) === 0 ? 20 : 2000)))
    at += part.length
    out.push(toHex(operation.update(part)))
    part.fill(0)
  }
  out.push(toHex(operation.final()))
  return out.join('')
}
