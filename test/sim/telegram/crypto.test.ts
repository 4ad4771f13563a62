import { fc, test } from '@fast-check/vitest'
import { createCipheriv } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../../src/core/protocol/bytes.ts'
import * as auth from '../../../sim/telegram/auth.ts'
import * as crypto from '../../../sim/telegram/crypto.ts'
import { dcKey } from '../../../sim/telegram/key.ts'
import * as message from '../../../sim/telegram/message.ts'
import { TlReader, TlWriter } from '../../../sim/telegram/tl.ts'
import { World } from '../../../sim/world/world.ts'
import allVectors from '../../../fixtures/vectors.json' with { type: 'json' }

const vectors = allVectors.mtproto
const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'))
const random = new World(1).random('crypto')
const arbBytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const newNonce = hex(vectors.new_nonce)
const serverNonce = hex(vectors.server_nonce)

/** IGE by its definition, a block at a time. */
function slowIge(data: Uint8Array, key: Uint8Array, iv: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length)
  let [lastOut, lastIn] = [iv.subarray(0, 16), iv.subarray(16)]
  for (let at = 0; at < data.length; at += 16) {
    const block = data.subarray(at, at + 16)
    const ecb = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
    out.set(crypto.xor(ecb.update(crypto.xor(block, lastOut)), lastIn), at)
    lastOut = out.subarray(at, at + 16)
    lastIn = block
  }
  return out
}

describe('AES-IGE', () => {
  test.prop([fc.integer({ min: 0, max: 9 }).chain((blocks) => arbBytes(16 * blocks)), arbBytes(32), arbBytes(32)])(
    'enciphers as its definition says, and back',
    (data, key, iv) => {
      const sealed = crypto.igeEncrypt(data, key, iv)
      expect(sealed).toEqual(slowIge(data, key, iv))
      expect(crypto.igeDecrypt(sealed, key, iv)).toEqual(data)
    },
  )
})

describe('RSA_PAD', () => {
  it('makes the block of the vector, and reads it', () => {
    const padded = hex(vectors.rsa_pad.data_padded_192)
    const block = crypto.rsaPadBlock(padded, hex(vectors.rsa_pad.temp_key))
    expect(toHex(block)).toBe(vectors.rsa_pad.block_256_before_rsa)
    expect(crypto.undoRsaPadBlock(block)).toEqual(padded)
  })

  it('is read by the owner of the key, and by nobody when a byte was altered', () => {
    const { publicKey, privateKey } = dcKey()
    const data = random.bytes(100)
    const sealed = crypto.rsaPad(data, publicKey, random)
    expect(crypto.rsaUnpad(sealed, privateKey)?.subarray(0, 100)).toEqual(data)
    sealed[200] ^= 1
    expect(crypto.rsaUnpad(sealed, privateKey)).toBeUndefined()
    expect(crypto.rsaUnpad(sealed.subarray(1), privateKey)).toBeUndefined()
  })
})

describe("the simulated DC's key", () => {
  it('has a fingerprint that mtcute finds: its top digit is not 0', () => {
    expect(dcKey().fingerprint >> 60n).not.toBe(0n)
    expect(dcKey().publicKeyPem).toMatch(/^-----BEGIN RSA PUBLIC KEY-----/)
  })
})

describe('the key exchange', () => {
  it('derives the key of the nonces, and reads both Diffie-Hellman messages of the vector', () => {
    const { key, iv } = crypto.nonceKey(newNonce, serverNonce)
    expect([toHex(key), toHex(iv)]).toEqual([vectors.tmp_aes_key, vectors.tmp_aes_iv])
    const server = auth.openDh(hex(vectors.encrypted_answer), newNonce, serverNonce)
    expect(toHex(server?.rest ?? new Uint8Array(0))).toBe(vectors.server_DH_inner_data)
    const client = auth.openDh(hex(vectors.set_client_DH_encrypted_data), newNonce, serverNonce)
    expect(toHex(client?.rest ?? new Uint8Array(0))).toBe(vectors.client_DH_inner_data)
  })

  it('comes to the shared key, its id and the three hashes of the vector', () => {
    expect(toHex(crypto.toBytes256(auth.DH_PRIME))).toBe(vectors.dh_prime)
    const [a, b] = [crypto.toNumber(hex(vectors.a)), crypto.toNumber(hex(vectors.b))]
    expect(toHex(crypto.toBytes256(crypto.power(3n, a, auth.DH_PRIME)))).toBe(vectors.g_a)
    const shared = crypto.power(crypto.toNumber(hex(vectors.g_a)), b, auth.DH_PRIME)
    const { key, id } = message.makeAuthKey(crypto.toBytes256(shared))
    expect([toHex(key), toHex(id)]).toEqual([vectors.auth_key, vectors.auth_key_id])
    expect(([1, 2, 3] as const).map((n) => toHex(auth.nonceHash(newNonce, n, key)))).toEqual([
      vectors.new_nonce_hash1,
      vectors.new_nonce_hash2,
      vectors.new_nonce_hash3,
    ])
    expect(toHex(crypto.xor(newNonce.subarray(0, 8), serverNonce.subarray(0, 8)))).toBe(vectors.server_salt)
  })

  it('refuses public values at either end of the range', () => {
    const margin = 1n << 1984n
    const edges = [margin - 1n, margin, auth.DH_PRIME - margin, auth.DH_PRIME - margin + 1n]
    expect(edges.map(auth.isSafe)).toEqual([false, true, true, false])
  })
})

describe('a message under a key', () => {
  const key = message.makeAuthKey(hex(vectors.auth_key))
  const up = vectors.message_client_to_server

  it.each([
    ['to-dc', up.wire],
    ['to-client', vectors.message_server_to_client_same_plain.wire],
  ] as const)('is sealed %s as the vector says, and opened', (direction, wire) => {
    expect(toHex(message.sealPlain(key, direction, hex(up.inner_plain)))).toBe(wire)
    const opened = message.open(key, direction, hex(wire))
    expect(toHex(opened?.envelope.body ?? new Uint8Array(0))).toBe(up.inner_plain.slice(64, 96))
    if (direction === 'to-dc') expect(opened?.quickAck).toBe(Number(up.quick_ack_token_u32))
  })

  test.prop([fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 15 })])(
    'comes back whole, with up to 15 bytes of transport padding behind it; not in the wrong direction, not altered',
    (words, padding) => {
      const body = random.bytes(4 * words)
      const envelope = { salt: 1n, session: 2n, messageId: 3n, seqno: 4, body }
      const sealed = message.seal(key, 'to-dc', envelope, random)
      const padded = Buffer.concat([sealed, random.bytes(padding)])
      expect(message.open(key, 'to-dc', padded)?.envelope).toEqual(envelope)
      expect(message.open(key, 'to-client', sealed)).toBeUndefined()
      sealed[random.between(8, sealed.length - 1)] ^= 1
      expect(message.open(key, 'to-dc', sealed)).toBeUndefined()
    },
  )

  test.prop([fc.uint8Array({ maxLength: 400 })])('is never read out of garbage', (bytes) => {
    expect(message.open(key, 'to-dc', bytes)).toBeUndefined()
    message.readPlainMessage(bytes)
  })

  it('has an id that grows although the clock stands or steps back', () => {
    const ids = new message.MessageIds()
    const drawn = [100, 100, 50, 101, 0].map((wall, i) => ids.next(wall, i % 2 === 0 ? 1 : 3))
    expect(drawn.every((id, i) => i === 0 || id > drawn[i - 1])).toBe(true)
    expect(drawn.map((id) => id & 3n)).toEqual([1n, 3n, 1n, 3n, 1n])
  })
})

describe('TL', () => {
  test.prop([fc.oneof(fc.integer({ min: 0, max: 600 }), fc.constantFrom(253, 254, 255, 256, 70_000))])(
    'writes strings of any length to whole words, and reads them',
    (length) => {
      const content = random.bytes(length)
      const bytes = new TlWriter().bytes(content).u32(7).done()
      expect(bytes.length % 4).toBe(0)
      const reader = new TlReader(bytes)
      expect([reader.bytes(), reader.u32(), reader.rest.length, reader.isBroken]).toEqual([content, 7, 0, false])
      const cut = new TlReader(bytes.subarray(0, bytes.length - 5))
      cut.bytes()
      expect([cut.u32(), cut.isBroken]).toEqual([0, true])
    },
  )
})
