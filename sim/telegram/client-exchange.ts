import type { KeyObject } from 'node:crypto'
import type { Random } from '../../src/core/ports.ts'
import { AUTH, DH_PRIME, EXPONENT_BYTES, isSafe, nonceHash, openDh, P, PQ, Q, sealDh, type Agreed } from './auth.ts'
import { isEqual, power, rsaPad, toBytes256, toNumber, xor } from './crypto.ts'
import { makeAuthKey, type AuthKey } from './message.ts'
import { TlReader, TlWriter } from './tl.ts'

const NONCE = 16
const NEW_NONCE = 32

/** What a client has to know of a DC's key beforehand. */
export interface PublicDcKey {
  readonly publicKey: KeyObject
  readonly fingerprint: bigint
}

export type ExchangeStep =
  | { readonly kind: 'send'; readonly body: Uint8Array }
  | { readonly kind: 'agreed'; readonly agreed: Agreed }
  /** The DC broke a rule, or another key than ours answers; `why` says which. */
  | { readonly kind: 'failed'; readonly why: string }

type State =
  | { readonly name: 'pq' }
  | { readonly name: 'params'; readonly serverNonce: Uint8Array; readonly newNonce: Uint8Array }
  | {
      readonly name: 'result'
      readonly serverNonce: Uint8Array
      readonly newNonce: Uint8Array
      readonly gA: bigint
      readonly key: AuthKey
    }

const failed = (why: string): ExchangeStep => ({ kind: 'failed', why })

/** The client's side of a key exchange: strict, so that whatever altered a byte on the way is found. */
export class ClientExchange {
  readonly #random: Random
  readonly #key: PublicDcKey
  readonly #dc: number
  readonly #nonce: Uint8Array
  #state: State = { name: 'pq' }

  constructor(random: Random, key: PublicDcKey, dc: number) {
    this.#random = random
    this.#key = key
    this.#dc = dc
    this.#nonce = random.fill(new Uint8Array(NONCE))
  }

  /** The body that opens the exchange. */
  begin(): Uint8Array {
    return new TlWriter().u32(AUTH.reqPqMulti).raw(this.#nonce).done()
  }

  /** Takes the body of the DC's next message. */
  take(body: Uint8Array): ExchangeStep {
    const reader = new TlReader(body)
    const constructor = reader.u32()
    if (!isEqual(reader.raw(NONCE), this.#nonce)) return failed('another nonce')
    const serverNonce = reader.raw(NONCE).slice()
    const state = this.#state
    if (state.name === 'pq') return this.#resPq(constructor, reader, serverNonce)
    if (!isEqual(serverNonce, state.serverNonce)) return failed('another server nonce')
    return state.name === 'params' ? this.#params(constructor, reader, state) : this.#result(constructor, reader, state)
  }

  #resPq(constructor: number, reader: TlReader, serverNonce: Uint8Array): ExchangeStep {
    const pq = reader.bytes()
    reader.u32()
    const fingerprints = Array.from({ length: Math.min(reader.u32(), 16) }, () => reader.u64())
    if (constructor !== AUTH.resPq || reader.isBroken) return failed('no resPQ')
    if (!isEqual(pq, PQ)) return failed('another pq')
    if (!fingerprints.includes(this.#key.fingerprint)) return failed('unknown RSA key')
    const newNonce = this.#random.fill(new Uint8Array(NEW_NONCE))
    this.#state = { name: 'params', serverNonce, newNonce }
    const inner = new TlWriter().u32(AUTH.pqInnerData).bytes(PQ).bytes(P).bytes(Q)
    inner.raw(this.#nonce).raw(serverNonce).raw(newNonce).u32(this.#dc)
    const encrypted = rsaPad(inner.done(), this.#key.publicKey, this.#random)
    const writer = this.#message(AUTH.reqDhParams, serverNonce).bytes(P).bytes(Q).u64(this.#key.fingerprint)
    return { kind: 'send', body: writer.bytes(encrypted).done() }
  }

  #params(constructor: number, reader: TlReader, state: State & { name: 'params' }): ExchangeStep {
    const { serverNonce, newNonce } = state
    const inner = constructor === AUTH.serverDhOk ? openDh(reader.bytes(), newNonce, serverNonce) : undefined
    if (inner === undefined || inner.u32() !== AUTH.serverDhInner) return failed('no DH parameters')
    if (!isEqual(inner.raw(NONCE), this.#nonce) || !isEqual(inner.raw(NONCE), serverNonce))
      return failed('another nonce inside')
    const generator = inner.u32()
    const prime = toNumber(inner.bytes())
    const gA = toNumber(inner.bytes())
    if (generator !== 3 || prime !== DH_PRIME || !isSafe(gA)) return failed('unsafe DH parameters')
    return this.#choose({ serverNonce, newNonce, gA, retryId: 0n })
  }

  #choose(known: { serverNonce: Uint8Array; newNonce: Uint8Array; gA: bigint; retryId: bigint }): ExchangeStep {
    const { serverNonce, newNonce, gA, retryId } = known
    const exponent = toNumber(this.#random.fill(new Uint8Array(EXPONENT_BYTES)))
    const key = makeAuthKey(toBytes256(power(gA, exponent, DH_PRIME)))
    this.#state = { name: 'result', serverNonce, newNonce, gA, key }
    const inner = this.#message(AUTH.clientDhInner, serverNonce).u64(retryId)
    inner.bytes(toBytes256(power(3n, exponent, DH_PRIME)))
    const encrypted = sealDh(inner.done(), newNonce, serverNonce, this.#random)
    return { kind: 'send', body: this.#message(AUTH.setClientDh, serverNonce).bytes(encrypted).done() }
  }

  #result(constructor: number, reader: TlReader, state: State & { name: 'result' }): ExchangeStep {
    const { serverNonce, newNonce, key } = state
    const hash = reader.raw(NONCE)
    // The DC asks again, with the hash of what mtcute would keep of such a key, when the key starts with zeros.
    if (constructor === AUTH.dhGenRetry && key.key[0] === 0) return this.#choose({ ...state, retryId: 0n })
    if (constructor !== AUTH.dhGenOk || !isEqual(hash, nonceHash(newNonce, 1, key.key))) return failed('no key')
    const salt = new TlReader(xor(newNonce.subarray(0, 8), serverNonce.subarray(0, 8))).u64()
    return { kind: 'agreed', agreed: { key, salt } }
  }

  #message(constructor: number, serverNonce: Uint8Array): TlWriter {
    return new TlWriter().u32(constructor).raw(this.#nonce).raw(serverNonce)
  }
}
