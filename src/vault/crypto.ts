/** Cryptography with keys that are known by their labels and never leave the place where they are. */

export type Hash = 'sha256' | 'sha384' | 'sha512'
export type SignatureKind = 'ecdsa-p256' | 'ed25519'

/**
 * Something done to bytes that come in parts, however they are cut. `update` gives what is ready, perhaps no bytes; the part may be
 * written over as soon as it returns. After `final`, `cancel` or an error it is over, and may not be used again. What fails in the
 * place of the key throws as that place does: a `TokenError`.
 */
export interface Operation {
  update(part: Uint8Array): Uint8Array
  final(): Uint8Array
  /** Gives up. Harmless when it is over already. */
  cancel(): void
}

/** Longest message of `seal`, `open` and Ed25519, which are held until they are whole; a longer one throws a `RangeError`. */
export const MESSAGE_MAX_BYTES = 1 << 22
export const NONCE_BYTES = 12
export const TAG_BYTES = 16

/** What is said together with a message of AES-GCM. */
export interface SealHead {
  /** 12 bytes, never used twice with one key (NIST SP 800-38D, 8.3). */
  readonly nonce: Uint8Array
  /** Not encrypted, and the message opens with the very same alone. */
  readonly aad: Uint8Array
}

/** AES-256. */
export interface CipherKey {
  /** AES-256-GCM: `final` gives the ciphertext and the tag of 16 bytes behind it. */
  seal(head: SealHead): Operation
  /** Of what `seal` gave: nothing comes out before all of it is known to be whole; else `final` throws `NotAuthentic`. */
  open(head: SealHead): Operation
  /** AES-256-CTR, in either direction. The counter is all 16 bytes of `iv`, big-endian. */
  ctr(iv: Uint8Array): Operation
}

export interface MacKey {
  hmac(hash: Hash): Operation
}

export interface SigningKey {
  readonly kind: SignatureKind
  /** ECDSA: the point uncompressed, 65 bytes. Ed25519: 32 bytes, as in RFC 8032. */
  readonly publicKey: Uint8Array
  /** `final` gives 64 bytes: r and s of ECDSA over SHA-256, or R and S of Ed25519. `verify` of software-crypto.ts tests them. */
  sign(): Operation
}

/** Labels are as in `hsm:LABEL`; what kind of key is asked for belongs to the name. All of it throws a `KeyFault` for a label. */
export interface Crypto {
  hash(hash: Hash): Operation
  /** As many bytes of its own generator; up to 64 KiB. */
  random(length: number): Uint8Array
  /** Makes a key there, or takes 32 bytes for one. */
  createCipherKey(label: string, value?: Uint8Array): void
  /** Makes a key there, or takes 1 to 64 bytes for one. */
  createMacKey(label: string, value?: Uint8Array): void
  createSigningKey(label: string, kind: SignatureKind): void
  cipherKey(label: string): CipherKey
  macKey(label: string): MacKey
  signingKey(label: string): SigningKey
}

/** A label names no key that can be used, or one already; the message is a few words. */
export class KeyFault extends Error {}

/** It was changed, cut short, or sealed with another key, nonce or label: which of them cannot be told. */
export class NotAuthentic extends Error {
  constructor() {
    super('it does not open: it was changed, or sealed under another key')
  }
}

export const CIPHER_KEY_BYTES = 32
/**
 * HMAC fills shorter keys up with zeros (RFC 2104), and modules take some lengths alone (SoftHSM: 32, 48 and 64 at least), so all are
 * filled up to this one, which is the block of SHA-256.
 */
export const MAC_KEY_BYTES = 64
export const RANDOM_MAX_BYTES = 1 << 16

export const NOTHING = new Uint8Array(0)
