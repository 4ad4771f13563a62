import type { Handle } from 'pkcs11js'
import { NOT_THERE, TokenError, type SecretFault, type Token, type TokenSecret } from '../../vault/token.ts'
import {
  createKey,
  destroyQuietly,
  DIGEST_LENGTH,
  findKeys,
  HMAC_LENGTH,
  hmacLabel,
  type KeyObject,
} from './objects.ts'
import type { Pkcs11Module, TokenInfo } from './pkcs11.ts'

export interface TokenOptions {
  readonly module: Pkcs11Module
  /** Label or serial number. */
  readonly name: string
  readonly pin: string
  /** How many sessions are kept open, beside the one that owns our copies; 1 or more. */
  readonly sessions: number
}

const OUT_LENGTH = 32
const ZEROS = Buffer.alloc(HMAC_LENGTH - DIGEST_LENGTH)
/** CKR_PIN_LOCKED */
const LOCKED = 0xa4

/**
 * A token we are logged in to, read-only. It works on session copies alone: those need no file or device per use, and go on when the
 * token's own objects cannot be reached. Copies live as long as the session that made them, which is used for nothing else.
 */
export class Pkcs11Token implements Token {
  readonly #options: TokenOptions
  #info: TokenInfo
  #owner: Handle
  readonly #sessions: (Handle | undefined)[]
  #turn = 0
  #generation = 0

  /** Logs in. Throws a `TokenError`; the PIN was tried at most once. */
  constructor(options: TokenOptions) {
    this.#options = options
    this.#sessions = new Array<Handle | undefined>(options.sessions).fill(undefined)
    this.#info = options.module.token(options.name)
    this.#owner = this.#login()
    // All at once: a token that has no room for so many must say so now, and not under load.
    try {
      for (let at = 0; at < options.sessions; at++) this.#sessions[at] = this.#open()
    } catch (error) {
      this.#closeSessions()
      throw error
    }
  }

  get info(): TokenInfo {
    return this.#info
  }

  /** Grows with every restart. Handles of an older one may by now be those of other keys: SoftHSM counts from 1 again. */
  get generation(): number {
    return this.#generation
  }

  restart(): void {
    const { module, name } = this.#options
    this.#generation++
    this.#sessions.fill(undefined)
    // The slot and every handle may be others afterwards.
    module.finalise()
    module.initialise()
    this.#info = module.token(name)
    this.#owner = this.#login()
  }

  find(label: string): TokenSecret | { readonly fault: SecretFault } {
    const found = this.use((session) => this.#pairOf(session, label))
    if ('fault' in found) return found
    const { digest, hmac } = found
    const secret = new Pkcs11Secret(this, { digest: this.#copy(digest), hmac: this.#copy(hmac) })
    if (secret.isWhole()) return secret
    secret.forget()
    return { fault: 'its two objects hold different keys' }
  }

  makeTrialKey(key: Uint8Array): TokenSecret {
    const make = (value: Uint8Array, isForHmac: boolean) =>
      createKey(this.#options.module, this.#owner, {
        ...{ label: 'palisade trial', id: Buffer.alloc(0), value, isLasting: false, isForHmac },
      })
    const padded = new Uint8Array(HMAC_LENGTH)
    padded.set(key)
    return new Pkcs11Secret(this, { digest: make(key, false), hmac: make(padded, true) })
  }

  /** Runs `work` in the next session. Whatever goes wrong in it, the session is closed: an operation may still be active there. */
  use<T>(work: (session: Handle, module: Pkcs11Module) => T): T {
    const { module } = this.#options
    const at = this.#turn
    this.#turn = (at + 1) % this.#sessions.length
    const session = (this.#sessions[at] ??= this.#open())
    try {
      return work(session, module)
    } catch (error) {
      this.#sessions[at] = undefined
      this.#closeQuietly(session)
      throw error
    }
  }

  /** Runs `work` in a session of its own that may change the token. Only commands do. */
  write<T>(work: (session: Handle, module: Pkcs11Module) => T): T {
    const { module } = this.#options
    const session = this.#open(module.constants.CKF_RW_SESSION)
    try {
      return work(session, module)
    } finally {
      this.#closeQuietly(session)
    }
  }

  forget(...copies: readonly Handle[]): void {
    for (const copy of copies) destroyQuietly(this.#options.module, this.#owner, copy)
  }

  /** Logs out by closing every session, and gives the module back. */
  close(): void {
    this.#closeSessions()
    this.#options.module.finalise()
  }

  #closeSessions(): void {
    for (const session of this.#sessions) if (session !== undefined) this.#closeQuietly(session)
    this.#sessions.fill(undefined)
    this.#closeQuietly(this.#owner)
  }

  #login(): Handle {
    const { module, pin } = this.#options
    if (this.#info.isPinLocked) throw new TokenError('C_Login', 'CKR_PIN_LOCKED', LOCKED)
    const owner = this.#open()
    try {
      module.call('C_Login', (native) => native.C_Login(owner, module.constants.CKU_USER, pin))
    } catch (error) {
      if (error instanceof TokenError && error.code === 'CKR_USER_ALREADY_LOGGED_IN') return owner
      this.#closeQuietly(owner)
      throw error
    }
    return owner
  }

  #open(flags = 0): Handle {
    const { module } = this.#options
    return module.call('C_OpenSession', (native) =>
      native.C_OpenSession(this.#info.slot, module.constants.CKF_SERIAL_SESSION | flags),
    )
  }

  #closeQuietly(session: Handle): void {
    try {
      this.#options.module.call('C_CloseSession', (native) => native.C_CloseSession(session))
    } catch {
      // It is gone already.
    }
  }

  #pairOf(session: Handle, label: string): Pair<KeyObject> | { readonly fault: SecretFault } {
    const { module } = this.#options
    return pairFrom(findKeys(module, session, label), findKeys(module, session, hmacLabel(label)))
  }

  /** Copying leaves no operation behind, so that a failure costs the owner nothing. */
  #copy({ handle }: KeyObject): Handle {
    const { module } = this.#options
    const template = [{ type: module.constants.CKA_TOKEN, value: false }]
    return module.call('C_CopyObject', (native) => native.C_CopyObject(this.#owner, handle, template))
  }
}

export interface Pair<T> {
  readonly digest: T
  readonly hmac: T
}

/** The two objects of a secret out of those that bear its labels, or why they are no secret of ours. */
export function pairFrom(
  named: readonly KeyObject[],
  padded: readonly KeyObject[],
): Pair<KeyObject> | { readonly fault: SecretFault } {
  if (named.length === 0) return { fault: NOT_THERE }
  if (named.length > 1) return { fault: `there are ${named.length} of that name` }
  const [digest] = named
  if (digest.length !== DIGEST_LENGTH) return { fault: `it has ${digest.length} bytes, not ${DIGEST_LENGTH}` }
  const partners = padded.filter(({ id, length }) => id.startsWith(digest.id) && length === HMAC_LENGTH)
  if (partners.length !== 1) return { fault: 'its object for HMAC is missing' }
  const pair = { digest, hmac: partners[0] }
  const isKept = (key: KeyObject) => key.isSensitive && !key.isExtractable
  return isKept(pair.digest) && isKept(pair.hmac) ? pair : { fault: 'it may be taken out of the token' }
}

/** Calls take Buffers; this is a view, not a copy. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

class Pkcs11Secret implements TokenSecret {
  readonly #token: Pkcs11Token
  readonly #ownCopies: Pair<Handle>
  readonly #generation: number

  constructor(token: Pkcs11Token, copies: Pair<Handle>) {
    this.#token = token
    this.#ownCopies = copies
    this.#generation = token.generation
  }

  get #copies(): Pair<Handle> {
    if (this.#isDead) throw new TokenError('C_FindObjects', 'CKR_KEY_HANDLE_INVALID')
    return this.#ownCopies
  }

  get #isDead(): boolean {
    return this.#generation !== this.#token.generation
  }

  hmac(parts: readonly Uint8Array[]): Uint8Array {
    const key = this.#copies.hmac
    return this.#token.use((session, module) => {
      const mechanism = { mechanism: module.constants.CKM_SHA256_HMAC }
      module.call('C_SignInit', (native) => native.C_SignInit(session, mechanism, key))
      // SoftHSM takes no part of no bytes: on Node it has no address.
      for (const part of parts)
        if (part.length > 0) module.call('C_SignUpdate', (native) => native.C_SignUpdate(session, asBuffer(part)))
      return module.call('C_SignFinal', (native) => native.C_SignFinal(session, Buffer.alloc(OUT_LENGTH)))
    })
  }

  digest(head: Uint8Array): Uint8Array {
    return this.#digest(this.#copies.digest, asBuffer(head))
  }

  isReadable(): boolean {
    return [this.#copies.digest, this.#copies.hmac].some((copy) => {
      try {
        const [{ value }] = this.#token.use((session, module) =>
          module.call('C_GetAttributeValue', (native) =>
            native.C_GetAttributeValue(session, copy, [{ type: module.constants.CKA_VALUE }]),
          ),
        )
        return value.length > 0
      } catch {
        return false
      }
    })
  }

  forget(): void {
    if (!this.#isDead) this.#token.forget(this.#copies.digest, this.#copies.hmac)
  }

  /** Whether the second object is the first one with zeros behind it. */
  isWhole(): boolean {
    const short = this.#digest(this.#copies.digest, undefined, ZEROS)
    return short.equals(this.#digest(this.#copies.hmac))
  }

  /** SHA-256 over `head`, the key and `tail`. */
  #digest(key: Handle, head?: Buffer, tail?: Buffer): Buffer {
    return this.#token.use((session, module) => {
      const update = (part: Buffer) => module.call('C_DigestUpdate', (native) => native.C_DigestUpdate(session, part))
      module.call('C_DigestInit', (native) => native.C_DigestInit(session, { mechanism: module.constants.CKM_SHA256 }))
      if (head !== undefined) update(head)
      module.call('C_DigestKey', (native) => native.C_DigestKey(session, key))
      if (tail !== undefined) update(tail)
      return module.call('C_DigestFinal', (native) => native.C_DigestFinal(session, Buffer.alloc(OUT_LENGTH)))
    })
  }
}
