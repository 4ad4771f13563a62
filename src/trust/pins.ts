/**
 * Certificate pins, as values: what is pinned, when it counts, and whether a chain has it. A pin is public, so nothing here
 * needs constant time; digests are compared in their one canonical text.
 */

/** SHA-256 of a public key (SubjectPublicKeyInfo, DER) or of a whole certificate. */
export type PinKind = 'spki' | 'certificate'

export interface Pin {
  readonly kind: PinKind
  /** Base64, as `readDigest` gives it. */
  readonly digest: string
  /** Unix seconds: it counts from this second on ... */
  readonly fromSec: number
  /** ... and no more from this one on. */
  readonly untilSec: number
  /** Of a key that is not in use yet: it takes over when the other is lost. */
  readonly isBackup: boolean
}

/** What a certificate can be pinned by. */
export interface Digests {
  readonly spki: string
  readonly certificate: string
}

export type Verdict =
  /** `depth` 0 is the leaf. */
  | { readonly outcome: 'match'; readonly pin: Pin; readonly depth: number }
  /** The chain has a pin whose time is over, or has not come, and none that counts now. */
  | { readonly outcome: 'expired' | 'not-yet-valid'; readonly pin: Pin }
  | { readonly outcome: 'mismatch' }

/** The least that strict mode contacts a host with: the one in use, and one to go on with. */
export const VALID_PINS_MIN = 2

const BASE64 = /^(?:sha256\/)?([A-Za-z0-9+/]{43}=)$/
const HEX = /^[0-9a-f]{2}(?::?[0-9a-f]{2}){31}$/i

/**
 * The base64 of a SHA-256 written as `sha256/BASE64`, as base64 alone, or in hex with or without colons, as openssl prints
 * fingerprints; undefined for anything else.
 */
export function readDigest(text: string): string | undefined {
  const base64 = BASE64.exec(text)?.[1]
  // The last digit carries two bits that are no part of the digest: only one writing of each is right.
  if (base64 !== undefined) return Buffer.from(base64, 'base64').toString('base64') === base64 ? base64 : undefined
  return HEX.test(text) ? Buffer.from(text.replaceAll(':', ''), 'hex').toString('base64') : undefined
}

/** Judges a chain, leaf first, whose links hold (`trust/chain.ts`). */
export function judgeChain(pins: readonly Pin[], chain: readonly Digests[], nowSec: number): Verdict {
  let early: Verdict | undefined
  for (const [depth, certificate] of chain.entries()) {
    for (const pin of pins) {
      if (certificate[pin.kind] !== pin.digest) continue
      if (isValid(pin, nowSec)) return { outcome: 'match', pin, depth }
      early ??= { outcome: nowSec < pin.fromSec ? 'not-yet-valid' : 'expired', pin }
    }
  }
  return early ?? { outcome: 'mismatch' }
}

export function isValid({ fromSec, untilSec }: Pin, nowSec: number): boolean {
  return nowSec >= fromSec && nowSec < untilSec
}

/**
 * Why strict mode does not contact a host with these pins; undefined when it does. The same digest twice is one pin, and no
 * backup of itself.
 */
export function whyTooFew(pins: readonly Pin[], nowSec: number): string | undefined {
  const valid = pins.filter((pin) => isValid(pin, nowSec))
  const namesOf = (isBackup: boolean) => new Set(valid.filter((pin) => pin.isBackup === isBackup).map(pinName))
  const current = namesOf(false)
  const backups = [...namesOf(true)].filter((name) => !current.has(name))
  const count = current.size + backups.length
  if (count < VALID_PINS_MIN) {
    const shown = count === 0 ? 'no valid pin' : 'one valid pin'
    return `it has ${shown}, and strict pinning wants ${VALID_PINS_MIN}, one of them a backup`
  }
  return backups.length > 0 ? undefined : 'none of its valid pins is a backup, and strict pinning wants one'
}

/** How messages call a pin; the same for two entries with one digest. */
export function pinName({ kind, digest }: Pin): string {
  return kind === 'spki' ? `sha256/${digest}` : `certificate sha256/${digest}`
}
