import { read32le } from '../bytes.ts'

/** The file proxy-secret (protocol.md, 5.1): random bytes that all proxies share with the middle proxies. */
export interface ProxySecret {
  /** Used whole. */
  readonly bytes: Uint8Array
  /** Tells the middle proxy which secret it is: the first word. */
  readonly selector: number
}

export type ProxySecretFault = 'too-short' | 'too-long' | 'text' | 'not-random'

export const PROXY_SECRET_MIN = 32
export const PROXY_SECRET_MAX = 256
/** 32 random bytes have fewer different values than this once in 10^12 files. */
const DIFFERENT_MIN = 16

/** Takes the file, or says why it cannot be one. An answer of a captive portal or a file of zeros must not replace a good copy. */
export function readProxySecret(file: Uint8Array): ProxySecret | { readonly fault: ProxySecretFault } {
  if (file.length < PROXY_SECRET_MIN) return { fault: 'too-short' }
  if (file.length > PROXY_SECRET_MAX) return { fault: 'too-long' }
  if (file.every(isTextByte)) return { fault: 'text' }
  if (new Set(file).size < DIFFERENT_MIN) return { fault: 'not-random' }
  return { bytes: Uint8Array.from(file), selector: read32le(file, 0) }
}

function isTextByte(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d
}
