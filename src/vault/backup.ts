import { constants, createHash, createPublicKey, publicEncrypt, type KeyObject } from 'node:crypto'
import { isLabel } from '../config/values/secret-key.ts'
import { GENERATION_MAX } from './generations.ts'
import { DIGEST_LENGTH } from './pair.ts'
import type { SecretUse } from './trial.ts'

/** One secret in a backup file: a line of JSON. Nothing of it is secret but to who has the private key. */
export interface BackupLine {
  readonly palisade_backup: 1
  readonly label: string
  readonly generation: number
  /** Unix seconds. */
  readonly made_sec: number
  /** Which public key it is sealed under: see `keyName`. */
  readonly under: string
  /** Tells whether a secret is this one, to who can use it; see `checkOf`. */
  readonly check: string
  /** RSA-OAEP with SHA-1 (SoftHSM refuses SHA-256) over key(16) | generation(2) | label, in base64. */
  readonly sealed: string
}

/** The same opened. */
export interface BackedUp {
  readonly label: string
  readonly generation: number
  readonly key: Uint8Array
}

/** Of the key of a backup token. */
export const MODULUS_BITS = 3072
/** Any RSA key with room for the longest label serves. */
const MODULUS_BITS_MIN = 2048
const LINE_MAX = 4096
const GENERATION_AT = DIGEST_LENGTH
const LABEL_AT = GENERATION_AT + 2
/** In front of the secret where its check is made; nothing else of ours hashes it behind the same 32 bytes. */
const CHECK_HEAD = createHash('sha256').update('palisade backup check').digest()
const CHECK_LENGTH = 8

/** A public key of RSA in PEM, or undefined. */
export function readSealingKey(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey(pem)
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
    return key.asymmetricKeyType === 'rsa' && bits >= MODULUS_BITS_MIN && !pem.includes('PRIVATE') ? key : undefined
  } catch {
    return undefined
  }
}

/** SHA-256 of the SubjectPublicKeyInfo, in hex. */
export function keyName(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
}

/** 64 bits of a hash over a key of 128: they confirm a key that somebody has, and find none. */
export function checkOf(secret: Pick<SecretUse, 'digest'>): string {
  return Buffer.from(secret.digest(CHECK_HEAD).subarray(0, CHECK_LENGTH)).toString('hex')
}

/** The same for a key that lies in our memory for a moment. */
export function checkOfKey(key: Uint8Array): string {
  return checkOf({ digest: (head) => createHash('sha256').update(head).update(key).digest() })
}

/** A line for the backup file, without its end. */
export function seal({ label, generation, key }: BackedUp, under: KeyObject, nowSec: number): string {
  const plain = Buffer.alloc(LABEL_AT + label.length)
  try {
    plain.set(key)
    plain.writeUInt16BE(generation, GENERATION_AT)
    plain.write(label, LABEL_AT, 'latin1')
    const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }
    const line: BackupLine = {
      ...{ palisade_backup: 1, label, generation, made_sec: nowSec },
      ...{ under: keyName(under), check: checkOfKey(key) },
      sealed: publicEncrypt({ key: under, ...padding }, plain).toString('base64'),
    }
    return JSON.stringify(line)
  } finally {
    plain.fill(0)
  }
}

/** What the private key opened; undefined where it is not what the line says. */
export function readSealed(plain: Uint8Array, { label, generation, check }: BackupLine): BackedUp | undefined {
  const { buffer, byteOffset, byteLength } = plain
  if (byteLength <= LABEL_AT) return undefined
  const view = Buffer.from(buffer, byteOffset, byteLength)
  // A copy, also of a Buffer: what was opened is overwritten.
  const key = Uint8Array.from(plain.subarray(0, DIGEST_LENGTH))
  const isSame = view.readUInt16BE(GENERATION_AT) === generation && view.toString('latin1', LABEL_AT) === label
  if (isSame && checkOfKey(key) === check) return { label, generation, key }
  key.fill(0)
  return undefined
}

/** The lines of a backup file, in their order; or the number of the first one, from 1, that is none. */
export function readBackup(text: string): { readonly lines: readonly BackupLine[] } | { readonly badLine: number } {
  const lines: BackupLine[] = []
  for (const [at, line] of text.split('\n').entries()) {
    if (line === '') continue
    const read = readLine(line)
    if (read === undefined) return { badLine: at + 1 }
    lines.push(read)
  }
  return { lines }
}

/** Of each label the one that was written last: what its clients have. */
export function latest(lines: readonly BackupLine[]): readonly BackupLine[] {
  return [...new Map(lines.map((line) => [line.label, line])).values()]
}

function readLine(text: string): BackupLine | undefined {
  if (text.length > LINE_MAX) return undefined
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch {
    return undefined
  }
  return isBackupLine(line) ? line : undefined
}

function isBackupLine(line: unknown): line is BackupLine {
  if (typeof line !== 'object' || line === null) return false
  const { palisade_backup, label, generation, made_sec, under, check, sealed } = line as Record<string, unknown>
  return (
    palisade_backup === 1 &&
    isMatch(label, { test: isLabel }) &&
    isBetween(generation, 1, GENERATION_MAX) &&
    isBetween(made_sec, 0, Number.MAX_SAFE_INTEGER) &&
    isMatch(under, /^[0-9a-f]{64}$/) &&
    isMatch(check, /^[0-9a-f]{16}$/) &&
    isMatch(sealed, /^[A-Za-z0-9+/]{340,2048}={0,2}$/)
  )
}

function isMatch(found: unknown, pattern: { test(text: string): boolean }): boolean {
  return typeof found === 'string' && pattern.test(found)
}

function isBetween(found: unknown, min: number, max: number): boolean {
  return Number.isSafeInteger(found) && Number(found) >= min && Number(found) <= max
}
