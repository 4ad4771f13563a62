import { createRequire } from 'node:module'
import type { Handle, PKCS11 } from 'pkcs11js'
import { TokenError } from '../../vault/token.ts'

export type Pkcs11js = typeof import('pkcs11js')
export type { Handle } from 'pkcs11js'

/** A token that a module has, as it describes itself. */
export interface TokenInfo {
  readonly slot: Handle
  readonly label: string
  readonly serial: string
  readonly model: string
  /** In bytes. */
  readonly pinLength: { readonly min: number; readonly max: number }
  readonly isInitialised: boolean
  /** The token takes no PIN any more until its security officer sets a new one. */
  readonly isPinLocked: boolean
}

/** One word, `CKR_...`, and its number: how pkcs11js tells what a module returned, in errors of several kinds. */
const RETURNED = /(CKR_\w+):(\d+)/

export interface LoadOptions {
  readonly parameters?: string
  readonly onReturn?: () => void
}

/**
 * A PKCS#11 module in this process, of which there can be one: a module is initialised for the process as a whole. Every call is
 * synchronous and throws a `TokenError`; none is under way when `finalise` is called.
 */
export class Pkcs11Module {
  readonly path: string
  readonly constants: Pkcs11js
  readonly #parameters: string
  readonly #native: PKCS11
  readonly #onReturn: () => void

  private constructor(path: string, parameters: string, constants: Pkcs11js, onReturn: () => void) {
    this.path = path
    this.#parameters = parameters
    this.constants = constants
    this.#native = new constants.PKCS11()
    this.#onReturn = onReturn
  }

  /**
   * Loads and initialises it. `parameters` are what few modules want to be told at that, such as NSS where its database is. Throws a
   * `TokenError` whose message is for the operator. `onReturn` is called after each call, however that ended: a module that hangs is one
   * from which a call does not return.
   */
  static load(path: string, { parameters = '', onReturn = () => {} }: LoadOptions = {}): Pkcs11Module {
    const module = new Pkcs11Module(path, parameters, loadPkcs11js(), onReturn)
    module.call('dlopen', (native) => native.load(path))
    module.initialise()
    return module
  }

  /** Runs `act`; what it throws becomes a `TokenError` of that call. */
  call<T>(name: string, act: (native: PKCS11) => T): T {
    try {
      return act(this.#native)
    } catch (error) {
      throw toTokenError(name, error)
    } finally {
      this.#onReturn()
    }
  }

  /** Modules that are not told that there are threads crash under those of the runtime (measured: SoftHSM, 4 runs of 4). */
  initialise(): void {
    const flags = this.constants.CKF_OS_LOCKING_OK
    // pkcs11js loses the last character of them.
    const options = this.#parameters === '' ? { flags } : { flags, libraryParameters: `${this.#parameters} ` }
    try {
      this.call('C_Initialize', (native) => native.C_Initialize(options))
    } catch (error) {
      if (!(error instanceof TokenError) || error.code !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') throw error
    }
  }

  /** Never from an exit handler, and harmless when it fails: what follows is the end, or an `initialise` that tells more. */
  finalise(): void {
    try {
      this.call('C_Finalize', (native) => native.C_Finalize())
    } catch (error) {
      if (!(error instanceof TokenError)) throw error
    }
  }

  /** What the module calls itself, such as `SoftHSM 2.6`. */
  describe(): string {
    const { libraryDescription, manufacturerID, libraryVersion } = this.call('C_GetInfo', (native) =>
      native.C_GetInfo(),
    )
    const name = cleaned(manufacturerID) || cleaned(libraryDescription)
    return `${name} ${libraryVersion.major}.${libraryVersion.minor}`
  }

  tokens(): TokenInfo[] {
    const slots = this.call('C_GetSlotList', (native) => native.C_GetSlotList(true))
    return slots.map((slot) => this.#info(slot))
  }

  /**
   * By label or by serial number, and never by the number of a slot: that changes. Throws where there is none, or where two have the
   * label.
   */
  token(name: string): TokenInfo {
    const found = this.tokens().filter(
      ({ label, serial, isInitialised }) => isInitialised && [label, serial].includes(name),
    )
    if (found.length === 1) return found[0]
    throw new TokenError(
      'C_GetTokenInfo',
      found.length === 0 ? 'no such token' : `${found.length} tokens of that label`,
    )
  }

  /** Names without `CKM_`, in their order; those that nobody here has a name for as numbers. */
  mechanisms(slot: Handle): readonly string[] {
    const numbers = this.call('C_GetMechanismList', (native) => native.C_GetMechanismList(slot))
    const names = new Map<unknown, string>()
    for (const [name, value] of Object.entries(this.constants))
      if (name.startsWith('CKM_')) names.set(value, name.slice(4))
    return numbers.map((number) => names.get(number) ?? `0x${number.toString(16)}`).sort()
  }

  #info(slot: Handle): TokenInfo {
    const info = this.call('C_GetTokenInfo', (native) => native.C_GetTokenInfo(slot))
    const { label, serialNumber, model, flags, minPinLen: min, maxPinLen: max } = info
    const { CKF_TOKEN_INITIALIZED, CKF_USER_PIN_LOCKED } = this.constants
    return {
      ...{ slot, label: cleaned(label), serial: cleaned(serialNumber), model: cleaned(model) },
      pinLength: { min, max },
      isInitialised: (flags & CKF_TOKEN_INITIALIZED) !== 0,
      isPinLocked: (flags & CKF_USER_PIN_LOCKED) !== 0,
    }
  }
}

/** Its texts are padded with blanks, and some modules put zeros there. */
function cleaned(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f]/g, '').trim()
}

function toTokenError(call: string, error: unknown): TokenError {
  if (error instanceof TokenError) return error
  const { message = '', stack = '' } = error as { message?: string; stack?: string }
  const [, name, value] = RETURNED.exec(message) ?? RETURNED.exec(stack) ?? []
  const { code } = error as { code?: number }
  if (name === undefined && message.startsWith('CKR_')) return new TokenError(call, message, code)
  // A loader's message, or a fault of ours: one line of it.
  return name === undefined
    ? new TokenError(call, message.split('\n', 1)[0])
    : new TokenError(call, name, Number(value))
}

/** Loaded when it is first needed: it is native, built at its installation, and not every host could build it. */
function loadPkcs11js(): Pkcs11js {
  try {
    return createRequire(import.meta.url)('pkcs11js') as Pkcs11js
  } catch {
    throw new TokenError(
      'pkcs11js',
      'the package pkcs11js is not here: npm ci builds it where there is a compiler for C++',
    )
  }
}
