import type { Handle } from 'pkcs11js'
import { assert } from '../../core/assert.ts'
import { NOTHING, type Operation } from '../../vault/crypto.ts'
import type { Pkcs11Module } from './pkcs11.ts'
import type { Pkcs11Token } from './token.ts'

/** What is done in the session, after the operation was begun there. */
export interface Steps {
  update(part: Buffer): Buffer | void
  final(): Buffer
}

/** An operation in parts: it has a session of the token for itself, until it is over. */
export class SessionOperation implements Operation {
  readonly #module: Pkcs11Module
  readonly #steps: Steps
  #session: Handle | undefined

  constructor(token: Pkcs11Token, begin: (session: Handle, module: Pkcs11Module) => Steps) {
    const { slot } = token.info
    this.#module = token.use((_session, module) => module)
    const session = this.#module.call('C_OpenSession', (native) =>
      native.C_OpenSession(slot, this.#module.constants.CKF_SERIAL_SESSION),
    )
    this.#session = session
    this.#steps = this.#guarded(() => begin(session, this.#module))
  }

  update(part: Uint8Array): Uint8Array {
    assert(this.#session !== undefined, 'an operation that is over takes no bytes')
    // SoftHSM takes no part of no bytes.
    if (part.length === 0) return NOTHING
    const buffer = Buffer.from(part.buffer, part.byteOffset, part.byteLength)
    return this.#guarded(() => this.#steps.update(buffer)) ?? NOTHING
  }

  final(): Uint8Array {
    assert(this.#session !== undefined, 'an operation ends once')
    const last = this.#guarded(() => this.#steps.final())
    this.cancel()
    return last
  }

  cancel(): void {
    const session = this.#session
    this.#session = undefined
    if (session === undefined) return
    try {
      this.#module.call('C_CloseSession', (native) => native.C_CloseSession(session))
    } catch {
      // It is gone already.
    }
  }

  /** An operation that failed may be active in its session for ever. */
  #guarded<T>(act: () => T): T {
    try {
      return act()
    } catch (error) {
      this.cancel()
      throw error
    }
  }
}
