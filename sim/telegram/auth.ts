import type { Clock, Random } from '../../src/core/ports.ts'
import { concat } from '../../src/core/protocol/bytes.ts'
import {
  igeDecrypt,
  igeEncrypt,
  isEqual,
  nonceKey,
  power,
  rsaUnpad,
  sha1,
  toBytes256,
  toNumber,
  xor,
} from './crypto.ts'
import type { DcKey } from './key.ts'
import { makeAuthKey, type AuthKey } from './message.ts'
import { TlReader, TlWriter } from './tl.ts'

/** Constructors of the key exchange (protocol.md, 7.2). */
export const AUTH = {
  reqPq: 0x60469778,
  reqPqMulti: 0xbe7e8ef1,
  resPq: 0x05162463,
  reqDhParams: 0xd712e4be,
  pqInnerData: 0xa9f55f95,
  pqInnerDataTemp: 0x56fddf88,
  serverDhOk: 0xd0e8075c,
  serverDhInner: 0xb5890dba,
  setClientDh: 0xf5045f1f,
  clientDhInner: 0x6643b654,
  dhGenOk: 0x3bcbf734,
  dhGenRetry: 0x46dc1fb9,
  dhGenFail: 0xa69dae02,
} as const

/** 0x17ed48941a08f981 = 0x494c553b * 0x53911073: small enough to be factored at once. */
export const PQ = Uint8Array.of(0x17, 0xed, 0x48, 0x94, 0x1a, 0x08, 0xf9, 0x81)
export const P = Uint8Array.of(0x49, 0x4c, 0x55, 0x3b)
export const Q = Uint8Array.of(0x53, 0x91, 0x10, 0x73)

/** Telegram's safe prime and its generator: clients that know them test them no further. */
export const DH_G = 3
export const DH_PRIME = BigInt(
  '0xc71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4db' +
    'fa336f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f642' +
    '477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4a4a695811051907e162753b56b0f6b410d' +
    'ba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4e41' +
    '8fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf6f4f' +
    'adf034b10403119cd8e3b92fcc5b',
)
/** What is sent must not be near either end of the range, where it would tell the exponent. */
const DH_MARGIN = 1n << 1984n
/** Bytes of a Diffie-Hellman exponent: 256 bits are as good as 2048 here and eight times cheaper. */
export const EXPONENT_BYTES = 32

const NONCE = 16
const NEW_NONCE = 32

type State =
  | { readonly name: 'start' }
  | { readonly name: 'pq'; readonly nonce: Uint8Array; readonly serverNonce: Uint8Array }
  | {
      readonly name: 'dh'
      readonly nonce: Uint8Array
      readonly serverNonce: Uint8Array
      readonly newNonce: Uint8Array
      readonly exponent: bigint
    }

export interface Agreed {
  readonly key: AuthKey
  readonly salt: bigint
}

/** The DC's side of one key exchange. A proxy ping asks for pq twice and leaves; every such question starts it anew. */
export class KeyExchange {
  readonly #random: Random
  readonly #clock: Clock
  readonly #key: DcKey
  #state: State = { name: 'start' }

  constructor(random: Random, clock: Clock, key: DcKey) {
    this.#random = random
    this.#clock = clock
    this.#key = key
  }

  /**
   * Takes the body of an unencrypted message. `answer` is the body to send back; none for what makes no sense at this point.
   * `agreed` comes with the answer that ends the exchange.
   */
  take(body: Uint8Array): { answer?: Uint8Array; agreed?: Agreed } {
    const reader = new TlReader(body)
    switch (reader.u32()) {
      case AUTH.reqPq:
      case AUTH.reqPqMulti:
        return this.#reqPq(reader)
      case AUTH.reqDhParams:
        return this.#reqDhParams(reader)
      case AUTH.setClientDh:
        return this.#setClientDh(reader)
      default:
        return {}
    }
  }

  #reqPq(reader: TlReader): { answer?: Uint8Array } {
    const nonce = reader.raw(NONCE).slice()
    if (reader.isBroken) return {}
    const serverNonce = this.#random.fill(new Uint8Array(NONCE))
    this.#state = { name: 'pq', nonce, serverNonce }
    const writer = new TlWriter().u32(AUTH.resPq).raw(nonce).raw(serverNonce).bytes(PQ)
    return { answer: writer.vector([this.#key.fingerprint], (fingerprint) => writer.u64(fingerprint)).done() }
  }

  #reqDhParams(reader: TlReader): { answer?: Uint8Array } {
    const state = this.#state
    if (state.name !== 'pq' || !this.#areOurs(reader, state)) return {}
    const [p, q, fingerprint] = [reader.bytes(), reader.bytes(), reader.u64()]
    const padded = rsaUnpad(reader.bytes(), this.#key.privateKey)
    if (reader.isBroken || padded === undefined || fingerprint !== this.#key.fingerprint) return {}
    if (!isEqual(p, P) || !isEqual(q, Q)) return {}
    const newNonce = readInner(padded, state)
    if (newNonce === undefined) return {}
    const exponent = toNumber(this.#random.fill(new Uint8Array(EXPONENT_BYTES)))
    this.#state = { ...state, name: 'dh', newNonce, exponent }
    const { nonce, serverNonce } = state
    const inner = new TlWriter().u32(AUTH.serverDhInner).raw(nonce).raw(serverNonce).u32(DH_G)
    inner
      .bytes(toBytes256(DH_PRIME))
      .bytes(toBytes256(power(BigInt(DH_G), exponent, DH_PRIME)))
      .u32(this.#clock.wall())
    const encrypted = sealDh(inner.done(), newNonce, serverNonce, this.#random)
    return { answer: new TlWriter().u32(AUTH.serverDhOk).raw(nonce).raw(serverNonce).bytes(encrypted).done() }
  }

  #setClientDh(reader: TlReader): { answer?: Uint8Array; agreed?: Agreed } {
    const state = this.#state
    if (state.name !== 'dh' || !this.#areOurs(reader, state)) return {}
    const { nonce, serverNonce, newNonce, exponent } = state
    const inner = openDh(reader.bytes(), newNonce, serverNonce)
    if (inner === undefined || inner.u32() !== AUTH.clientDhInner || !this.#areOurs(inner, state)) return {}
    inner.u64()
    const gB = toNumber(inner.bytes())
    if (inner.isBroken || !isSafe(gB)) return this.#result(AUTH.dhGenFail, 3, state, new Uint8Array(0))
    const key = makeAuthKey(toBytes256(power(gB, exponent, DH_PRIME)))
    // mtcute keeps a key without its leading zeros, so one with some would be of no use to it; the client is told to draw again.
    const significant = key.key.findIndex((byte) => byte !== 0)
    if (significant !== 0) return this.#result(AUTH.dhGenRetry, 2, state, key.key.subarray(significant))
    this.#state = { name: 'start' }
    const salt = new TlReader(xor(newNonce.subarray(0, 8), serverNonce.subarray(0, 8))).u64()
    return { ...this.#result(AUTH.dhGenOk, 1, { nonce, serverNonce, newNonce }, key.key), agreed: { key, salt } }
  }

  #result(
    constructor: number,
    which: 1 | 2 | 3,
    nonces: { nonce: Uint8Array; serverNonce: Uint8Array; newNonce: Uint8Array },
    key: Uint8Array,
  ): { answer: Uint8Array } {
    const { nonce, serverNonce, newNonce } = nonces
    const writer = new TlWriter().u32(constructor).raw(nonce).raw(serverNonce)
    return { answer: writer.raw(nonceHash(newNonce, which, key)).done() }
  }

  #areOurs(reader: TlReader, { nonce, serverNonce }: { nonce: Uint8Array; serverNonce: Uint8Array }): boolean {
    return isEqual(reader.raw(NONCE), nonce) && isEqual(reader.raw(NONCE), serverNonce)
  }
}

/** The new nonce of p_q_inner_data_dc or its temporary form, when it repeats what was said before. */
function readInner(
  padded: Uint8Array,
  { nonce, serverNonce }: { nonce: Uint8Array; serverNonce: Uint8Array },
): Uint8Array | undefined {
  const inner = new TlReader(padded)
  const constructor = inner.u32()
  if (constructor !== AUTH.pqInnerData && constructor !== AUTH.pqInnerDataTemp) return undefined
  const isSame = [PQ, P, Q].every((number) => isEqual(inner.bytes(), number))
  if (!isSame || !isEqual(inner.raw(NONCE), nonce) || !isEqual(inner.raw(NONCE), serverNonce)) return undefined
  const newNonce = inner.raw(NEW_NONCE).slice()
  return inner.isBroken ? undefined : newNonce
}

/** Whether a public value of the other side may be used. */
export function isSafe(value: bigint): boolean {
  return value >= DH_MARGIN && value <= DH_PRIME - DH_MARGIN
}

/** new_nonce_hash1, 2 or 3: SHA-1 over the new nonce, the number and the first 8 bytes of the key's SHA-1, less 4 bytes. */
export function nonceHash(newNonce: Uint8Array, which: 1 | 2 | 3, key: Uint8Array): Uint8Array {
  return sha1(newNonce, Uint8Array.of(which), sha1(key).subarray(0, 8)).slice(4, 20)
}

/** SHA-1(object) | object | random padding to whole blocks, under the key that follows from the nonces. */
export function sealDh(object: Uint8Array, newNonce: Uint8Array, serverNonce: Uint8Array, random: Random): Uint8Array {
  const body = concat(sha1(object), object)
  const padding = random.fill(new Uint8Array((16 - (body.length % 16)) % 16))
  const { key, iv } = nonceKey(newNonce, serverNonce)
  return igeEncrypt(concat(body, padding), key, iv)
}

/** The object inside, its hash verified: it covers the object and not the padding, whose length only the object tells. */
export function openDh(encrypted: Uint8Array, newNonce: Uint8Array, serverNonce: Uint8Array): TlReader | undefined {
  if (encrypted.length < 32 || encrypted.length % 16 !== 0) return undefined
  const { key, iv } = nonceKey(newNonce, serverNonce)
  const plain = igeDecrypt(encrypted, key, iv)
  for (let padding = 0; padding < 16; padding++) {
    const object = plain.subarray(20, plain.length - padding)
    if (isEqual(sha1(object), plain.subarray(0, 20))) return new TlReader(object)
  }
  return undefined
}
