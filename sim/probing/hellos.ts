import type { Random } from '../../src/core/ports.ts'
import { concat, fromAscii, write16, write24 } from '../../src/core/protocol/bytes.ts'
import { EXTENSION, GROUP, TLS_1_3 } from '../../src/core/protocol/faketls/tls.ts'

export interface PlainHello {
  readonly random: Random
  /** Empty: none is named. */
  readonly domain: string
  readonly suites: readonly number[]
  /** In the order of preference; with TLS 1.3 among them there is a share of X25519. */
  readonly versions: readonly number[]
  /** 32 unless said; no server minds less. */
  readonly sessionIdBytes?: number
  /** The whole record, filled up with a padding extension (RFC 7685). */
  readonly padTo?: number
}

const TLS_1_2 = 0x0303
const PADDING_EXTENSION = 0x15

/** Suites of scanners: of TLS 1.3, and of TLS 1.2 and before. */
export const SUITES_1_3 = [0x1301, 0x1302, 0x1303] as const
export const SUITES_1_2 = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0x009c, 0x009d, 0x002f, 0x0035] as const

/** A hello as scanners write them, one after the other and each a little different: no browser's and no client's. */
export function plainHello({
  random,
  domain,
  suites,
  versions,
  sessionIdBytes = 32,
  padTo = 0,
}: PlainHello): Uint8Array {
  const name = concat(Uint8Array.of(0), vector16(fromAscii(domain)))
  const share = concat(words(GROUP.x25519), vector16(random.fill(new Uint8Array(32))))
  const extensions = [
    ...(domain === '' ? [] : [extension(EXTENSION.serverName, vector16(name))]),
    extension(0x000a, vector16(words(GROUP.x25519, 0x0017))),
    extension(0x000d, vector16(words(0x0403, 0x0804, 0x0401))),
    ...(versions.includes(TLS_1_3)
      ? [
          extension(EXTENSION.supportedVersions, concat(Uint8Array.of(2 * versions.length), words(...versions))),
          extension(EXTENSION.keyShare, vector16(share)),
        ]
      : []),
  ]
  const head = concat(
    words(TLS_1_2),
    random.fill(new Uint8Array(32)),
    Uint8Array.of(sessionIdBytes),
    random.fill(new Uint8Array(sessionIdBytes)),
    vector16(words(...suites)),
    Uint8Array.of(1, 0),
  )
  const room = padTo - 9 - head.length - 2 - concat(...extensions).length - 4
  if (room >= 0) extensions.push(extension(PADDING_EXTENSION, new Uint8Array(room)))
  const body = concat(head, vector16(concat(...extensions)))
  const record = concat(Uint8Array.of(0x16, 3, 1, 0, 0, 1, 0, 0, 0), body)
  write16(record, 3, record.length - 5)
  write24(record, 6, body.length)
  return record
}

function extension(type: number, data: Uint8Array): Uint8Array {
  return concat(words(type), vector16(data))
}

function vector16(data: Uint8Array): Uint8Array {
  return concat(words(data.length), data)
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * values.length)
  values.forEach((value, at) => write16(bytes, 2 * at, value))
  return bytes
}
