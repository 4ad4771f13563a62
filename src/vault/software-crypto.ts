import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  verify as verifyWith,
  type KeyObject,
} from 'node:crypto'
import { assert } from '../core/assert.ts'
import { Collected } from './collected.ts'
import {
  CIPHER_KEY_BYTES,
  KeyFault,
  MAC_KEY_BYTES,
  NotAuthentic,
  NOTHING,
  RANDOM_MAX_BYTES,
  TAG_BYTES,
  type CipherKey,
  type Crypto,
  type Hash,
  type MacKey,
  type Operation,
  type SealHead,
  type SignatureKind,
  type SigningKey,
} from './crypto.ts'

const GCM = 'aes-256-gcm'

/** Keys in the memory of this process: for hosts without a token, and what tokens are compared with. */
export class SoftwareCrypto implements Crypto {
  readonly #ciphers = new Labels<CipherKey>()
  readonly #macs = new Labels<MacKey>()
  readonly #signers = new Labels<SigningKey>()

  hash(hash: Hash): Operation {
    return counted(createHash(hash))
  }

  random(length: number): Uint8Array {
    assert(length <= RANDOM_MAX_BYTES, 'a draw is bounded')
    return randomBytes(length)
  }

  createCipherKey(label: string, value: Uint8Array = randomBytes(CIPHER_KEY_BYTES)): void {
    this.#ciphers.add(label, softwareCipherKey(Uint8Array.from(value)))
  }

  createMacKey(label: string, value: Uint8Array = randomBytes(MAC_KEY_BYTES)): void {
    assert(value.length > 0 && value.length <= MAC_KEY_BYTES, 'a key for HMAC has 1 to 64 bytes')
    const key = Uint8Array.from(value)
    this.#macs.add(label, { hmac: (hash) => counted(createHmac(hash, key)) })
  }

  createSigningKey(label: string, kind: SignatureKind): void {
    this.#signers.add(label, newSigningKey(kind))
  }

  cipherKey(label: string): CipherKey {
    return this.#ciphers.get(label)
  }

  macKey(label: string): MacKey {
    return this.#macs.get(label)
  }

  signingKey(label: string): SigningKey {
    return this.#signers.get(label)
  }
}

/** AES-256 under these 32 bytes, which stay the caller's to overwrite when the key is not used any more. */
export function softwareCipherKey(key: Uint8Array): CipherKey {
  assert(key.length === CIPHER_KEY_BYTES, 'AES-256 has keys of 32 bytes')
  return {
    seal: ({ nonce, aad }: SealHead) =>
      new Collected((message) => {
        const cipher = createCipheriv(GCM, key, nonce).setAAD(aad)
        return Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()])
      }),
    open: ({ nonce, aad }: SealHead) => new Collected((sealed) => openGcm(key, { nonce, aad }, sealed)),
    ctr(iv) {
      const cipher = createCipheriv('aes-256-ctr', key, iv)
      return { update: (part) => cipher.update(part), final: () => cipher.final(), cancel() {} }
    },
  }
}

/** Whether the signature is that key's for the message. False too where one of the three is of no sense. */
export function verify(
  { kind, publicKey }: Pick<SigningKey, 'kind' | 'publicKey'>,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false
  try {
    return kind === 'ed25519'
      ? verifyWith(null, message, readPublicKey(kind, publicKey), signature)
      : verifyWith('sha256', message, { key: readPublicKey(kind, publicKey), dsaEncoding: 'ieee-p1363' }, signature)
  } catch {
    return false
  }
}

const SIGNATURE_BYTES = 64
/** What stands before the key in a SubjectPublicKeyInfo (RFC 5480, RFC 8410). */
const SPKI_HEAD: Readonly<Record<SignatureKind, Buffer>> = {
  'ecdsa-p256': Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
  ed25519: Buffer.from('302a300506032b6570032100', 'hex'),
}

function readPublicKey(kind: SignatureKind, publicKey: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_HEAD[kind], publicKey]), format: 'der', type: 'spki' })
}

function newSigningKey(kind: SignatureKind): SigningKey {
  const { publicKey, privateKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const act =
    kind === 'ed25519'
      ? (message: Buffer) => sign(null, message, privateKey)
      : (message: Buffer) => sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return { kind, publicKey: spki.subarray(SPKI_HEAD[kind].length), sign: () => new Collected(act) }
}

function openGcm(key: Uint8Array, { nonce, aad }: SealHead, sealed: Uint8Array): Uint8Array {
  const at = sealed.length - TAG_BYTES
  if (at < 0) throw new NotAuthentic()
  const decipher = createDecipheriv(GCM, key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(aad)
    .setAuthTag(sealed.subarray(at))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, at)), decipher.final()])
  } catch {
    throw new NotAuthentic()
  }
}

/** A hash or a MAC: bytes come out at the end alone. */
function counted(hash: { update(part: Uint8Array): unknown; digest(): Buffer }): Operation {
  return {
    update(part) {
      hash.update(part)
      return NOTHING
    },
    final: () => hash.digest(),
    cancel() {},
  }
}

class Labels<Key> {
  readonly #keys = new Map<string, Key>()

  add(label: string, key: Key): void {
    if (this.#keys.has(label)) throw new KeyFault('there is a key of that label already')
    this.#keys.set(label, key)
  }

  get(label: string): Key {
    const key = this.#keys.get(label)
    if (key === undefined) throw new KeyFault('there is none of that name')
    return key
  }
}
