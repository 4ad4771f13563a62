import type { Pkcs11Module, TokenInfo } from '../../../src/runtime/vault/pkcs11.ts'
import { TokenError } from '../../../src/vault/token.ts'

/** One call that fails, the n-th of that name from now on, 1 being the next. */
export interface Injected {
  readonly call: string
  readonly code: string
  readonly value: number
  readonly nth?: number
}

interface Session {
  /** An operation that began and did not end: SoftHSM refuses everything else in that session then. */
  isActive: boolean
}

interface Attribute {
  readonly type: number
  readonly value?: string
}

/** So much of a module as `Pkcs11Token` sees: sessions, copies that live with the one that made them, and operations that stay active. */
export class FakeModule {
  readonly path = '/fake.so'
  /** Every name has a number of its own; nothing here depends on which. */
  readonly constants = new Proxy<Record<string, number>>(
    {},
    {
      get: (known, name: string) =>
        (known[name] ??= name === 'CKF_SERIAL_SESSION' ? 4 : Object.keys(known).length + 16),
    },
  )
  readonly calls: string[] = []
  readonly sessions = new Map<number, Session>()
  isPinLocked = false
  #injected: Injected[] = []
  #passed = 0
  #next = 1
  #copies = new Map<number, number>()
  /** The label that is looked for, until it was found. */
  #wanted: string | undefined

  /** For whoever wants the real type. */
  get asModule(): Pkcs11Module {
    return this as unknown as Pkcs11Module
  }

  fail(...injected: Injected[]): void {
    this.#injected = injected
    this.#passed = 0
  }

  call<T>(name: string, act: (native: never) => T): T {
    this.calls.push(name)
    const due = this.#injected.find((one) => one.call === name)
    if (due !== undefined && ++this.#passed >= (due.nth ?? 1)) {
      this.#injected = this.#injected.filter((one) => one !== due)
      this.#passed = 0
      throw new TokenError(name, due.code, due.value)
    }
    return act(this.#native as never)
  }

  token(name: string): TokenInfo {
    const { isPinLocked } = this
    return {
      ...{ slot: handle(0), label: name, serial: '1', model: 'fake', pinLength: { min: 4, max: 64 } },
      ...{ isInitialised: true, isPinLocked },
    }
  }

  initialise(): void {}

  /** Handles begin at 1 again, as those of SoftHSM do. */
  finalise(): void {
    this.sessions.clear()
    this.#copies.clear()
    this.#next = 1
  }

  readonly #native = {
    C_OpenSession: () => {
      this.sessions.set(this.#next, { isActive: false })
      return handle(this.#next++)
    },
    C_CloseSession: (session: Buffer) => {
      const owner = session.readUInt32LE(0)
      if (!this.sessions.delete(owner)) throw new TokenError('C_CloseSession', 'CKR_SESSION_HANDLE_INVALID', 0xb3)
      for (const [copy, by] of this.#copies) if (by === owner) this.#copies.delete(copy)
    },
    C_Login: () => {},
    C_FindObjectsInit: (session: Buffer, template: readonly Attribute[]) => {
      this.#begin(session)
      this.#wanted = template.find(({ type }) => type === this.constants.CKA_LABEL)?.value
    },
    C_FindObjects: () => {
      const wanted = this.#wanted
      this.#wanted = undefined
      if (wanted === 'ann') return [handle(9001)]
      return wanted === 'ann (hmac)' ? [handle(9002)] : []
    },
    C_FindObjectsFinal: (session: Buffer) => this.#end(session),
    C_GetAttributeValue: (session: Buffer, key: Buffer) => {
      this.#idle(session)
      const isPadded = key.readUInt32LE(0) === 9002
      return [isPadded ? 'ann (hmac)' : 'ann', 'id', isPadded ? '\u0020\0' : '\u0010\0', '\u0001', '\u0000'].map(
        (value) => ({ value: Buffer.from(value) }),
      )
    },
    C_CopyObject: (session: Buffer) => {
      this.#idle(session)
      this.#copies.set(this.#next, session.readUInt32LE(0))
      return handle(this.#next++)
    },
    C_DestroyObject: (_session: Buffer, copy: Buffer) => void this.#copies.delete(copy.readUInt32LE(0)),
    C_SignInit: (session: Buffer, _mechanism: unknown, key: Buffer) => this.#begin(session, key),
    C_SignUpdate: () => {},
    C_SignFinal: (session: Buffer, out: Buffer) => this.#end(session, out),
    C_DigestInit: (session: Buffer) => this.#begin(session),
    C_DigestUpdate: () => {},
    C_DigestKey: (_session: Buffer, key: Buffer) => this.#alive(key),
    C_DigestFinal: (session: Buffer, out: Buffer) => this.#end(session, out),
  }

  #idle(session: Buffer): Session {
    const found = this.sessions.get(session.readUInt32LE(0))
    if (found === undefined) throw new TokenError('any', 'CKR_SESSION_HANDLE_INVALID', 0xb3)
    if (found.isActive) throw new TokenError('any', 'CKR_OPERATION_ACTIVE', 0x90)
    return found
  }

  #begin(session: Buffer, key?: Buffer): void {
    const idle = this.#idle(session)
    if (key !== undefined) this.#alive(key)
    idle.isActive = true
  }

  #end<T>(session: Buffer, out?: T): T | undefined {
    const found = this.sessions.get(session.readUInt32LE(0))
    if (found !== undefined) found.isActive = false
    return out
  }

  #alive(key: Buffer): void {
    if (!this.#copies.has(key.readUInt32LE(0))) throw new TokenError('any', 'CKR_KEY_HANDLE_INVALID', 0x60)
  }
}

function handle(number: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(number)
  return bytes
}
