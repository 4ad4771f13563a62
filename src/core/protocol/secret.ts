import type { Mode } from '../events.ts'
import { concat, fromAscii, fromHex, toAscii, toHex } from './bytes.ts'

/** What a client is given: how to talk, the key, and for fake TLS the host to name. */
export interface ClientSecret {
  readonly mode: Mode
  /** 16 bytes. */
  readonly key: Uint8Array
  /** 1..182 ASCII characters for fake TLS, as written; empty for the others. */
  readonly domain: string
}

/**
 * Binary form (protocol.md, 1):
 *   plain     key(16)
 *   padded    dd | key(16)
 *   fake-tls  ee | key(16) | domain(1..182)
 */
export const KEY_LENGTH = 16
export const DOMAIN_MAX = 182
const PADDED_BYTE = 0xdd
const FAKE_TLS_BYTE = 0xee
const LENGTH_MAX = 1 + KEY_LENGTH + DOMAIN_MAX
/** Longer than any secret in any form, with room for the message to be about the secret rather than the text. */
const TEXT_MAX = 2 * LENGTH_MAX + 64

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Reads hex in any case, then base64url, then base64, each without padding or with exactly as much as belongs there. */
export function parseSecret(text: string): ClientSecret | { error: string } {
  if (text.length > TEXT_MAX) return { error: `a secret has at most ${LENGTH_MAX} bytes, this one is longer` }
  const readings = [fromHex(text), fromBase64(text, BASE64URL), fromBase64(text, BASE64)]
  // Base64 of a plain secret may be hex digits alone: 22 of them, which are too few bytes.
  const possible = readings.filter((each) => each !== undefined)
  const bytes = possible.find(({ length }) => length >= KEY_LENGTH) ?? possible.at(0)
  if (bytes === undefined) return { error: 'a secret is written in hex or base64url, this is neither' }
  return readSecret(bytes)
}

function readSecret(bytes: Uint8Array): ClientSecret | { error: string } {
  const { length } = bytes
  if (length < KEY_LENGTH) return { error: `a secret has at least ${KEY_LENGTH} bytes, this one has ${length}` }
  if (length > LENGTH_MAX) return { error: `a secret has at most ${LENGTH_MAX} bytes, this one has ${length}` }
  if (length === KEY_LENGTH) return { mode: 'plain', key: bytes, domain: '' }
  const key = bytes.slice(1, 1 + KEY_LENGTH)
  if (bytes[0] === PADDED_BYTE) {
    if (length === 1 + KEY_LENGTH) return { mode: 'padded', key, domain: '' }
    return { error: `a secret that starts with dd has ${1 + KEY_LENGTH} bytes, this one has ${length}` }
  }
  if (bytes[0] !== FAKE_TLS_BYTE) return { error: `a secret of ${length} bytes starts with dd or ee` }
  if (length === 1 + KEY_LENGTH) return { error: 'a secret that starts with ee ends with a domain, this one has none' }
  const domain = bytes.subarray(1 + KEY_LENGTH)
  if (!domain.every((byte) => byte > 0x20 && byte < 0x7f))
    return { error: 'the domain in a secret has only printable ASCII characters' }
  return { mode: 'fake-tls', key, domain: toAscii(domain) }
}

/** The binary form. */
export function secretBytes(secret: ClientSecret): Uint8Array {
  switch (secret.mode) {
    case 'plain':
      return Uint8Array.from(secret.key)
    case 'padded':
      return concat(Uint8Array.of(PADDED_BYTE), secret.key)
    case 'fake-tls':
      return concat(Uint8Array.of(FAKE_TLS_BYTE), secret.key, fromAscii(secret.domain))
  }
}

/** Lower case hex, which every client reads, or base64url without padding, which is shorter. */
export function formatSecret(secret: ClientSecret, form: 'hex' | 'base64url'): string {
  const bytes = secretBytes(secret)
  return form === 'hex' ? toHex(bytes) : toBase64Url(bytes)
}

function fromBase64(text: string, alphabet: string): Uint8Array | undefined {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const digits = text.length - padding
  if (digits % 4 === 1 || (padding > 0 && text.length % 4 !== 0)) return undefined
  const bytes = new Uint8Array(Math.floor((digits * 3) / 4))
  let bits = 0
  let held = 0
  let at = 0
  for (let i = 0; i < digits; i++) {
    const value = alphabet.indexOf(text[i])
    if (value < 0) return undefined
    held = ((held << 6) | value) & 0xfff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = held >> bits
    }
  }
  return bytes
}

function toBase64Url(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 6) {
      bits -= 6
      text += BASE64URL[(held >> bits) & 63]
    }
  }
  return bits === 0 ? text : text + BASE64URL[(held << (6 - bits)) & 63]
}
