import { createHash } from 'node:crypto'
import type { Handle, Mechanism } from 'pkcs11js'
import { assert } from '../../core/assert.ts'
import { Collected } from '../../vault/collected.ts'
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
} from '../../vault/crypto.ts'
import { TokenError } from '../../vault/token.ts'
import {
  EDDSA,
  findKey,
  hasKey,
  makeCipherKey,
  makeMacKey,
  makeSigningKey,
  readPoint,
  type KeyKind,
} from './crypto-keys.ts'
import type { Pkcs11js, Pkcs11Module } from './pkcs11.ts'
import { SessionOperation } from './session-operation.ts'
import type { Pkcs11Token } from './token.ts'

const DIGEST_BYTES: Readonly<Record<Hash, number>> = { sha256: 32, sha384: 48, sha512: 64 }
const SIGNATURE_BYTES = 64
const BLOCK_BYTES = 16

/** How modules say that a message does not open: NSS by the latter two, SoftHSM by the first, as it says so much else. */
const REFUSALS: readonly string[] = ['CKR_GENERAL_ERROR', 'CKR_ENCRYPTED_DATA_INVALID', 'CKR_ENCRYPTED_DATA_LEN_RANGE']

/**
 * Keys of a token by PKCS#11. They are looked up at each use, so that handles need not outlive anything. What streams (CTR, hashes,
 * HMAC) has a session of its own from its first call to its last.
 */
export class Pkcs11Crypto implements Crypto {
  readonly #token: Pkcs11Token

  constructor(token: Pkcs11Token) {
    this.#token = token
  }

  hash(hash: Hash): Operation {
    return new SessionOperation(this.#token, (session, module) => {
      const mechanism = { mechanism: hashMechanisms(module.constants)[hash].digest }
      module.call('C_DigestInit', (native) => native.C_DigestInit(session, mechanism))
      return {
        update: (part) => module.call('C_DigestUpdate', (native) => native.C_DigestUpdate(session, part)),
        final: () =>
          module.call('C_DigestFinal', (native) => native.C_DigestFinal(session, Buffer.alloc(DIGEST_BYTES[hash]))),
      }
    })
  }

  random(length: number): Uint8Array {
    assert(length > 0 && length <= RANDOM_MAX_BYTES, 'a draw is bounded')
    return this.#token.use((session, module) =>
      module.call('C_GenerateRandom', (native) => native.C_GenerateRandom(session, Buffer.alloc(length))),
    )
  }

  createCipherKey(label: string, value?: Uint8Array): void {
    assert(value === undefined || value.length === CIPHER_KEY_BYTES, 'AES-256 has keys of 32 bytes')
    this.#create('cipher', label, (module, session) => makeCipherKey(module, session, label, value))
  }

  createMacKey(label: string, value?: Uint8Array): void {
    const length = value?.length ?? MAC_KEY_BYTES
    assert(length > 0 && length <= MAC_KEY_BYTES, 'a key for HMAC has 1 to 64 bytes')
    this.#create('mac', label, (module, session) => makeMacKey(module, session, label, value))
  }

  createSigningKey(label: string, kind: SignatureKind): void {
    this.#create('private', label, (module, session) => makeSigningKey(module, session, label, kind))
  }

  cipherKey(label: string): CipherKey {
    this.#token.use((session, module) => findKey(module, session, 'cipher', label))
    const one = (head: SealHead, act: GcmAct) => new Collected((message) => this.#gcm(label, head, message, act))
    return {
      seal: (head) => one(head, encrypt),
      open: (head) => one(head, decrypt),
      ctr: (iv) => this.#ctr(label, iv),
    }
  }

  macKey(label: string): MacKey {
    this.#token.use((session, module) => findKey(module, session, 'mac', label))
    return { hmac: (hash) => this.#hmac(label, hash) }
  }

  signingKey(label: string): SigningKey {
    const { kind, publicKey } = this.#token.use((session, module) => {
      findKey(module, session, 'private', label)
      return readPoint(module, session, findKey(module, session, 'public', label))
    })
    const signEd25519 = () => new Collected((message) => this.#sign(label, EDDSA, message))
    return { kind, publicKey, sign: kind === 'ed25519' ? signEd25519 : () => this.#ecdsa(label) }
  }

  #create(kind: KeyKind, label: string, make: (module: Pkcs11Module, session: Handle) => void): void {
    this.#token.write((session, module) => {
      if (hasKey(module, session, kind, label)) throw new KeyFault('there is a key of that label already')
      make(module, session)
    })
  }

  /** In one call: NSS takes no parts. Six fields of parameters are what both modules understand. */
  #gcm(label: string, { nonce, aad }: SealHead, message: Buffer, act: GcmAct): Uint8Array {
    return this.#token.use((session, module) => {
      const { CKM_AES_GCM, CK_PARAMS_AES_GCM_v240: type } = module.constants
      const sizes = { ivBits: 8 * nonce.length, tagBits: 8 * TAG_BYTES }
      const parameter = { type, iv: Buffer.from(nonce), aad: Buffer.from(aad), ...sizes }
      const key = findKey(module, session, 'cipher', label)
      return act(module, session, { mechanism: { mechanism: CKM_AES_GCM, parameter }, key, message })
    })
  }

  /** The parameter is a CK_AES_CTR_PARAMS: how many bits count, an unsigned long, and the first block. pkcs11js has no name for it. */
  #ctr(label: string, iv: Uint8Array): Operation {
    const parameter = Buffer.alloc(8 + BLOCK_BYTES)
    parameter.writeUInt8(8 * BLOCK_BYTES)
    parameter.set(iv, 8)
    return new SessionOperation(this.#token, (session, module) => {
      const mechanism = { mechanism: module.constants.CKM_AES_CTR, parameter }
      const key = findKey(module, session, 'cipher', label)
      module.call('C_EncryptInit', (native) => native.C_EncryptInit(session, mechanism, key))
      return {
        update: (part) =>
          module.call('C_EncryptUpdate', (native) =>
            native.C_EncryptUpdate(session, part, Buffer.alloc(part.length + BLOCK_BYTES)),
          ),
        final: () =>
          module.call('C_EncryptFinal', (native) => native.C_EncryptFinal(session, Buffer.alloc(BLOCK_BYTES))),
      }
    })
  }

  #hmac(label: string, hash: Hash): Operation {
    return new SessionOperation(this.#token, (session, module) => {
      const mechanism = { mechanism: hashMechanisms(module.constants)[hash].hmac }
      const key = findKey(module, session, 'mac', label)
      module.call('C_SignInit', (native) => native.C_SignInit(session, mechanism, key))
      return {
        update: (part) => module.call('C_SignUpdate', (native) => native.C_SignUpdate(session, part)),
        final: () =>
          module.call('C_SignFinal', (native) => native.C_SignFinal(session, Buffer.alloc(DIGEST_BYTES[hash]))),
      }
    })
  }

  /** SoftHSM has no CKM_ECDSA_SHA256: the hash is ours, the signature the token's. */
  #ecdsa(label: string): Operation {
    const hash = createHash('sha256')
    return {
      update(part) {
        hash.update(part)
        return NOTHING
      },
      final: () => this.#sign(label, undefined, hash.digest()),
      cancel() {},
    }
  }

  #sign(label: string, mechanism: number | undefined, message: Buffer): Uint8Array {
    return this.#token.use((session, module) => {
      const how = { mechanism: mechanism ?? module.constants.CKM_ECDSA }
      const key = findKey(module, session, 'private', label)
      module.call('C_SignInit', (native) => native.C_SignInit(session, how, key))
      const out = Buffer.alloc(SIGNATURE_BYTES)
      return module.call('C_Sign', (native) => native.C_Sign(session, addressed(message), out))
    })
  }
}

interface GcmInput {
  readonly mechanism: Mechanism
  readonly key: Handle
  readonly message: Buffer
}

type GcmAct = (module: Pkcs11Module, session: Handle, input: GcmInput) => Uint8Array

const encrypt: GcmAct = (module, session, { mechanism, key, message }) => {
  const out = Buffer.alloc(message.length + TAG_BYTES)
  module.call('C_EncryptInit', (native) => native.C_EncryptInit(session, mechanism, key))
  return module.call('C_Encrypt', (native) => native.C_Encrypt(session, addressed(message), out))
}

const decrypt: GcmAct = (module, session, { mechanism, key, message }) => {
  if (message.length < TAG_BYTES) throw new NotAuthentic()
  module.call('C_DecryptInit', (native) => native.C_DecryptInit(session, mechanism, key))
  try {
    // Some modules want room for as much as they were given.
    return module.call('C_Decrypt', (native) => native.C_Decrypt(session, message, Buffer.alloc(message.length)))
  } catch (error) {
    if (error instanceof TokenError && REFUSALS.includes(error.code)) throw new NotAuthentic()
    throw error
  }
}

/** SoftHSM refuses no bytes at no address, and those of an empty Buffer have none. */
function addressed(message: Buffer): Buffer {
  return message.length > 0 ? message : Buffer.alloc(1).subarray(0, 0)
}

function hashMechanisms(c: Pkcs11js): Readonly<Record<Hash, { readonly digest: number; readonly hmac: number }>> {
  return {
    sha256: { digest: c.CKM_SHA256, hmac: c.CKM_SHA256_HMAC },
    sha384: { digest: c.CKM_SHA384, hmac: c.CKM_SHA384_HMAC },
    sha512: { digest: c.CKM_SHA512, hmac: c.CKM_SHA512_HMAC },
  }
}
