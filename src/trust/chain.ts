import { createHash, X509Certificate } from 'node:crypto'
import type { Digests } from './pins.ts'

/** What pinning asks of a certificate. */
export interface Certificate extends Digests {
  /** On one line. */
  readonly subject: string
  readonly isCa: boolean
  /** Signed by its own key. */
  readonly isSelfSigned: boolean
  /** Unix seconds after which it is no longer valid. */
  readonly untilSec: number
  /** DNS names that it is for, lower case; wildcards included. */
  readonly names: readonly string[]
}

/** Longer chains are no chains: TLS libraries stop at about this depth too. */
export const CHAIN_MAX = 10

/**
 * Reads certificates (DER), leaf first, as far as each is a CA that signed the one before. What a peer sends beside its chain,
 * such as the pinned certificate of somebody else with the same name, is not part of it. Empty when the leaf cannot be read.
 */
export function readChain(ders: readonly Uint8Array[]): readonly Certificate[] {
  const chain: Certificate[] = []
  let below: X509Certificate | undefined
  for (const der of ders.slice(0, CHAIN_MAX)) {
    const next = readX509(der)
    if (next === undefined || (below !== undefined && !hasSigned(next, below))) break
    const certificate = describe(next)
    if (certificate === undefined) break
    chain.push(certificate)
    if (certificate.isSelfSigned) break
    below = next
  }
  return chain
}

/** Reads one certificate, DER or PEM; undefined when it is none. */
export function readCertificate(bytes: Uint8Array | string): Certificate | undefined {
  const x509 = readX509(bytes)
  return x509 === undefined ? undefined : describe(x509)
}

function readX509(bytes: Uint8Array | string): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes)
  } catch {
    return undefined
  }
}

function hasSigned(issuer: X509Certificate, below: X509Certificate): boolean {
  try {
    return issuer.ca && below.checkIssued(issuer) && below.verify(issuer.publicKey)
  } catch {
    return false
  }
}

/** What OpenSSL calls the time of a certificate that has none; the date made of it is what lay in memory. */
const NO_TIME = 'Bad time value'

/** Undefined when the TLS library cannot read its key or its end: then it could not have been used either. */
function describe(x509: X509Certificate): Certificate | undefined {
  if (x509.validTo === NO_TIME) return undefined
  try {
    return {
      // Not `getPeerCertificate().pubkey`: for elliptic curves that is a bare point.
      spki: sha256(x509.publicKey.export({ type: 'spki', format: 'der' })),
      certificate: sha256(x509.raw),
      subject: x509.subject.replaceAll('\n', ', ').replaceAll(/[^\x20-\x7e]/g, '?'),
      isCa: x509.ca,
      isSelfSigned: x509.checkIssued(x509) && x509.verify(x509.publicKey),
      untilSec: Math.floor(x509.validToDate.getTime() / 1000),
      names: namesOf(x509.subjectAltName ?? ''),
    }
  } catch {
    return undefined
  }
}

/** `DNS:a.example, DNS:b.example, IP Address:192.0.2.1`. */
function namesOf(subjectAltName: string): string[] {
  return [...subjectAltName.matchAll(/(?:^|, )DNS:([A-Za-z0-9*_.-]+)(?=,|$)/g)].map(([, name]) => name.toLowerCase())
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64')
}
