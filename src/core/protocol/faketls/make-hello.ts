import { createHmac } from 'node:crypto'
import type { Random } from '../../ports.ts'
import { concat, fromAscii, read32le, write16, write24, write32le } from '../bytes.ts'
import { DOMAIN_MAX } from '../secret.ts'
import { X25519_LENGTH, x25519Public } from '../x25519.ts'
import {
  CLIENT_HELLO,
  EXTENSION,
  GROUP,
  HANDSHAKE,
  RANDOM_AT,
  RANDOM_LENGTH,
  RECORD_HEADER,
  SESSION_ID_LENGTH,
} from './tls.ts'

export interface HelloOptions {
  readonly random: Random
  /** The host to name, ASCII, cut to 182 characters; empty: none is named, as towards an IP address. */
  readonly domain: string
  /** 16 bytes. With it the random is the digest that a proxy looks for, without it really random. */
  readonly secret?: Uint8Array
  /** Client time, 0..2^32-1; 0 unless said. */
  readonly stamp?: number
  /** `today`: 1566 + domain + ECH payload, with a post-quantum share. `classic`: 517 bytes, as clients before it sent. */
  readonly size?: 'today' | 'classic'
  /**
   * X25519, 32 bytes. With it every share in the hello is a genuine public key, without it any 32 bytes: a server cannot tell,
   * and half a millisecond is saved.
   */
  readonly privateKey?: Uint8Array
  /** Clients choose one of these for all their hellos; drawn unless given. */
  readonly echBytes?: 144 | 176 | 208 | 240
}

export interface MadeHello {
  /** One TLS record. */
  readonly record: Uint8Array
  /** What stands in it as client random: the answer's digest begins with it. 32 bytes. */
  readonly random: Uint8Array
  /** 32 bytes. */
  readonly sessionId: Uint8Array
}

const GREASE_COUNT = 7
const ECH_SIZES = [144, 176, 208, 240] as const
const CLASSIC_LENGTH = 517
const PADDING_EXTENSION = 0x0015
const CIPHER_SUITES = [
  0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f,
  0x0035,
]
const SIGNATURES = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601]
/** ML-KEM-768 encapsulation key (FIPS 203): 768 coefficients below 3329 in 12 bits each, and a seed. */
const KEM_COEFFICIENTS = 768
const KEM_MODULUS = 3329
const KEM_SEED = 32
const KEM_KEY = (KEM_COEFFICIENTS * 3) / 2 + KEM_SEED

/** A hello like a current client's, which itself is like a current browser's (protocol.md, 4.1). */
export function makeClientHello(options: HelloOptions): MadeHello {
  const { random, secret, stamp = 0, size = 'today' } = options
  const grease = drawGrease(random)
  const sessionId = random.fill(new Uint8Array(SESSION_ID_LENGTH))
  const head = concat(
    Uint8Array.of(HANDSHAKE, 3, 1, 0, 0, CLIENT_HELLO, 0, 0, 0, 3, 3),
    new Uint8Array(RANDOM_LENGTH),
    Uint8Array.of(SESSION_ID_LENGTH),
    sessionId,
    vector16(words(grease[0], ...CIPHER_SUITES)),
    Uint8Array.of(1, 0),
  )
  const extensions = concat(
    extension(grease[2]),
    ...shuffled(makeExtensions(options, grease), random),
    extension(grease[3], Uint8Array.of(0)),
  )
  const room = size === 'classic' ? CLASSIC_LENGTH - head.length - 2 - extensions.length - 4 : -1
  const padding = room >= 0 ? extension(PADDING_EXTENSION, new Uint8Array(room)) : new Uint8Array(0)
  const record = concat(head, vector16(concat(extensions, padding)))
  write16(record, 3, record.length - RECORD_HEADER)
  write24(record, RECORD_HEADER + 1, record.length - RECORD_HEADER - 4)
  const helloRandom = secret === undefined ? random.fill(new Uint8Array(RANDOM_LENGTH)) : digest(record, secret, stamp)
  record.set(helloRandom, RANDOM_AT)
  return { record, random: helloRandom, sessionId }
}

/** HMAC over the record with its random zeroed, the stamp masking its last four bytes, little-endian (protocol.md, 4.2). */
function digest(record: Uint8Array, secret: Uint8Array, stamp: number): Uint8Array {
  const mac = Uint8Array.from(createHmac('sha256', secret).update(record).digest())
  const maskAt = RANDOM_LENGTH - 4
  write32le(mac, maskAt, read32le(mac, maskAt) ^ stamp)
  return mac
}

function makeExtensions({ random, domain, size, privateKey, echBytes }: HelloOptions, grease: number[]): Uint8Array[] {
  const isToday = size !== 'classic'
  const isGenuine = privateKey !== undefined
  const name = fromAscii(domain.slice(0, DOMAIN_MAX))
  const groups = isToday ? [GROUP.x25519MlKem768] : []
  const shares = concat(
    words(grease[4], 1),
    Uint8Array.of(0),
    isToday
      ? concat(words(GROUP.x25519MlKem768), vector16(concat(drawKemKey(random), drawShare(random, isGenuine))))
      : new Uint8Array(0),
    words(GROUP.x25519),
    vector16(privateKey === undefined ? drawShare(random, isGenuine) : x25519Public(privateKey)),
  )
  return [
    ...(name.length === 0 ? [] : [extension(EXTENSION.serverName, vector16(concat(Uint8Array.of(0), vector16(name))))]),
    extension(0x0005, Uint8Array.of(1, 0, 0, 0, 0)),
    extension(0x000a, vector16(words(grease[4], ...groups, GROUP.x25519, 0x0017, 0x0018))),
    extension(0x000b, Uint8Array.of(1, 0)),
    extension(0x000d, vector16(words(...SIGNATURES))),
    extension(0x0010, vector16(concat(vector8(fromAscii('h2')), vector8(fromAscii('http/1.1'))))),
    extension(0x0012),
    extension(0x0017),
    extension(0x001b, Uint8Array.of(2, 0, 2)),
    extension(0x0023),
    extension(EXTENSION.supportedVersions, vector8(words(grease[6], 0x0304, 0x0303))),
    extension(0x002d, Uint8Array.of(1, 1)),
    extension(EXTENSION.keyShare, vector16(shares)),
    extension(0x44cd, vector16(vector8(fromAscii('h2')))),
    ...(isToday ? [drawEch(random, isGenuine, echBytes)] : []),
    extension(0xff01, Uint8Array.of(0)),
  ]
}

/** Encrypted client hello to nobody: HKDF-SHA256 and AES-128-GCM, a config id, an encapsulated key, a payload. */
function drawEch(random: Random, isGenuine: boolean, echBytes: number | undefined): Uint8Array {
  const length = echBytes ?? ECH_SIZES[random.below(ECH_SIZES.length)]
  return extension(
    0xfe0d,
    concat(
      Uint8Array.of(0, 0, 1, 0, 1),
      random.fill(new Uint8Array(1)),
      vector16(drawShare(random, isGenuine)),
      vector16(random.fill(new Uint8Array(length))),
    ),
  )
}

function drawShare(random: Random, isGenuine: boolean): Uint8Array {
  const bytes = random.fill(new Uint8Array(X25519_LENGTH))
  return isGenuine ? x25519Public(bytes) : bytes
}

function drawKemKey(random: Random): Uint8Array {
  const key = new Uint8Array(KEM_KEY)
  for (let i = 0; i < KEM_COEFFICIENTS / 2; i++) {
    const first = random.below(KEM_MODULUS)
    const second = random.below(KEM_MODULUS)
    key[3 * i] = first
    key[3 * i + 1] = (first >> 8) | (second << 4)
    key[3 * i + 2] = second >> 4
  }
  random.fill(key.subarray(KEM_KEY - KEM_SEED))
  return key
}

/** Reserved values; neighbours that end up beside each other differ. */
function drawGrease(random: Random): number[] {
  const bytes = Array.from(random.fill(new Uint8Array(GREASE_COUNT)), (byte) => (byte & 0xf0) + 0x0a)
  for (let i = 1; i < GREASE_COUNT; i += 2) if (bytes[i] === bytes[i - 1]) bytes[i] ^= 0x10
  return bytes.map((byte) => byte * 0x0101)
}

function shuffled(list: Uint8Array[], random: Random): Uint8Array[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[list[i], list[j]] = [list[j], list[i]]
  }
  return list
}

function extension(type: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  return concat(words(type), vector16(data))
}

function vector8(data: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(data.length), data)
}

function vector16(data: Uint8Array): Uint8Array {
  return concat(words(data.length), data)
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * values.length)
  values.forEach((value, i) => write16(bytes, 2 * i, value))
  return bytes
}
