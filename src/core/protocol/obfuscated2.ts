import { createHash } from 'node:crypto'
import { assert } from '../assert.ts'
import type { CipherKey, Random } from '../ports.ts'
import { read32le, write16 } from './bytes.ts'
import { ctr } from './ctr.ts'

/**
 * The 64 bytes that open an obfuscated connection (protocol.md, 3):
 *
 *   noise(8) | key(32) | iv(16) | framing tag(4) | dc(2, LE, signed) | noise(2)
 *
 * Bytes 0..55 travel as they are, 56..63 enciphered under the uplink key. The downlink key is bytes 8..55 read backwards.
 * With a secret both keys, not the ivs, are hashed with it.
 */
export const INIT_LENGTH = 64
const KEY_AT = 8
const KEY_LENGTH = 32
const IV_AT = KEY_AT + KEY_LENGTH
const IV_LENGTH = 16
const TAG_AT = IV_AT + IV_LENGTH
const TAG_LENGTH = 4
const DC_AT = TAG_AT + TAG_LENGTH

export type Framing = 'abridged' | 'intermediate' | 'padded'

const TAGS: Readonly<Record<Framing, number>> = { abridged: 0xefefefef, intermediate: 0xeeeeeeee, padded: 0xdddddddd }

/** How other protocols start: HEAD, POST, GET, OPTI, the padded and intermediate tags, a TLS hello (protocol.md, 3.1). */
const FORBIDDEN_WORDS = [0x44414548, 0x54534f50, 0x20544547, 0x4954504f, 0xdddddddd, 0xeeeeeeee, 0x02010316] as const
const ABRIDGED_FIRST_BYTE = 0xef
/** A working source needs a second draw once in 250 inits; one that needs this many does not work. */
const DRAWS_MAX = 64

/** Keys of both directions as bytes 8..55 of the wire give them, before any secret. The result shares no memory with `wire`. */
export function rawKeys(wire: Uint8Array): { up: CipherKey; down: CipherKey } {
  // `from` and not `slice`: a runtime's Buffer shares its memory when it is sliced.
  const forwards = Uint8Array.from(wire.subarray(KEY_AT, TAG_AT))
  const backwards = Uint8Array.from(forwards).reverse()
  return { up: splitKey(forwards), down: splitKey(backwards) }
}

/** SHA-256 over key and secret (16 bytes) is the key of a connection through a proxy; the iv stays. */
export function withSecret(key: CipherKey, secret: Uint8Array): CipherKey {
  return { key: createHash('sha256').update(key.key).update(secret).digest(), iv: key.iv }
}

/** All 64 bytes deciphered under the uplink key; only those from 56 on mean something. */
export function decryptInit(wire: Uint8Array, up: CipherKey): Uint8Array {
  return ctr(up).update(wire.subarray(0, INIT_LENGTH))
}

/** Framing and DC id (-32768..32767, not judged here) of a deciphered init; undefined means the key was wrong. */
export function readInit(plain: Uint8Array): { framing: Framing; dc: number } | undefined {
  const framing = framingOf(read32le(plain, TAG_AT))
  if (framing === undefined) return undefined
  return { framing, dc: ((plain[DC_AT] | (plain[DC_AT + 1] << 8)) << 16) >> 16 }
}

export interface InitOptions {
  readonly random: Random
  readonly framing: Framing
  /** Signed 16 bits: negative for media, 10000 more for test DCs. */
  readonly dc: number
  /** The proxy's, 16 bytes; none towards a DC. */
  readonly secret?: Uint8Array
  /** The key the other side is to encrypt with, as it is: what it sends can then be passed on unread. Not with a secret. */
  readonly downlink?: CipherKey
  /** Nobody sees the first word inside TLS, so clients let it be anything there. */
  readonly isInsideTls?: boolean
}

/**
 * The 64 bytes to send and the keys of both directions. The caller's uplink stream goes on behind them: `ctr(up, 64)`;
 * the downlink stream starts at `ctr(down)`.
 */
export function makeInit(options: InitOptions): { wire: Uint8Array; up: CipherKey; down: CipherKey } {
  const { random, framing, dc, secret, downlink } = options
  assert(secret === undefined || downlink === undefined, 'a secret would change the key that is passed on')
  const wire = random.fill(new Uint8Array(INIT_LENGTH))
  for (let draws = 1; options.isInsideTls !== true && isForbidden(wire); draws++) {
    assert(draws < DRAWS_MAX, 'random bytes differ from each other')
    random.fill(wire.subarray(0, KEY_AT))
  }
  if (downlink !== undefined) {
    wire.set(downlink.key, KEY_AT)
    wire.set(downlink.iv, IV_AT)
    wire.subarray(KEY_AT, TAG_AT).reverse()
  }
  wire.fill(TAGS[framing] & 0xff, TAG_AT, DC_AT)
  write16(wire, DC_AT, ((dc & 0xff) << 8) | ((dc >> 8) & 0xff))
  const raw = rawKeys(wire)
  const up = secret === undefined ? raw.up : withSecret(raw.up, secret)
  const down = secret === undefined ? raw.down : withSecret(raw.down, secret)
  wire.set(ctr(up, TAG_AT).update(wire.subarray(TAG_AT)), TAG_AT)
  return { wire, up, down }
}

/** Whether the first eight bytes could be taken for another protocol; then a client draws again. */
export function isForbidden(init: Uint8Array): boolean {
  const first = read32le(init, 0)
  return init[0] === ABRIDGED_FIRST_BYTE || FORBIDDEN_WORDS.some((word) => word === first) || read32le(init, 4) === 0
}

function framingOf(tag: number): Framing | undefined {
  switch (tag) {
    case TAGS.padded:
      return 'padded'
    case TAGS.intermediate:
      return 'intermediate'
    case TAGS.abridged:
      return 'abridged'
    default:
      return undefined
  }
}

function splitKey(bytes: Uint8Array): CipherKey {
  return { key: bytes.subarray(0, KEY_LENGTH), iv: bytes.subarray(KEY_LENGTH) }
}
