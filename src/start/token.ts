import { readPin } from '../config/pin.ts'
import { readTextFile } from '../config/key-files.ts'
import { problemOf, type LoadedConfig } from '../config/load.ts'
import { assert } from '../core/assert.ts'
import { Pkcs11Module } from '../runtime/vault/pkcs11.ts'
import { Pkcs11Token } from '../runtime/vault/token.ts'
import { probe, type Route } from '../vault/known-answers.ts'
import type { PinWatch } from '../vault/pin-watch.ts'
import { TokenError, type TokenSecret } from '../vault/token.ts'
import { ConfigFault, OnlySealed } from './errors.ts'

/** A token that we are logged in to and that can do what we need. */
export interface OpenToken {
  readonly module: Pkcs11Module
  readonly token: Pkcs11Token
  readonly route: Route
  readonly trialKey: TokenSecret
}

export interface OpenTokenOptions {
  /** Absent where no other process logs in. */
  readonly pin?: PinWatch
  /** After each call to the module. */
  readonly onReturn?: () => void
}

/**
 * Opens the token of `[hsm]`, whose PIN is tried once, and not at all where `pin` knows that it was refused. Throws a `ConfigFault`,
 * and leaves nothing open then: `OnlySealed` where sealed secrets may take over.
 */
export function openToken(loaded: LoadedConfig, { pin, onReturn }: OpenTokenOptions = {}): OpenToken {
  const module = openModule(loaded, onReturn)
  try {
    const token = login(loaded, module, pin)
    const probed = probe(token)
    if (!('why' in probed)) return { module, token, ...probed }
    throw incapable(loaded, probed.why)
  } catch (error) {
    module.finalise()
    throw error
  }
}

/** Opens the token for `use` alone, whatever it can do, and closes it. Its PIN is tried once. Throws a `ConfigFault`. */
export function useToken<T>(loaded: LoadedConfig, use: (token: Pkcs11Token) => T, pin?: PinWatch): T {
  const module = openModule(loaded)
  try {
    return use(login(loaded, module, pin))
  } finally {
    // Its sessions and the login go with it.
    module.finalise()
  }
}

/** Throws a `ConfigFault`. */
export function openModule(loaded: LoadedConfig, onReturn?: () => void): Pkcs11Module {
  const { module, parameters } = loaded.config.hsm
  if (module === '')
    throw fault(loaded, 'module', 'the path of a PKCS#11 module', 'secrets can lie in a token only where there is one')
  try {
    return Pkcs11Module.load(module, { parameters, ...(onReturn && { onReturn }) })
  } catch (error) {
    throw fault(loaded, 'module', 'a PKCS#11 module that loads', messageOf(error))
  }
}

/** Throws a `ConfigFault`. */
export function pinOf(loaded: LoadedConfig): string {
  const source = loaded.config.hsm.pin
  assert(source !== undefined, 'a configuration with a module names a PIN')
  const result = readPin(source, process.env, readTextFile)
  if ('pin' in result) return result.pin
  throw new ConfigFault([problemOf(loaded, { path: ['hsm', 'pin'], allowed: result.allowed })])
}

function login(loaded: LoadedConfig, module: Pkcs11Module, watch: PinWatch | undefined): Pkcs11Token {
  const { token: name, sessions } = loaded.config.hsm
  const pin = pinOf(loaded)
  const refused = (why: string) => fault(loaded, 'pin', `the PIN of token "${name}"`, why)
  if (watch?.isRefused === true)
    throw refused('another process was refused with it; it is not tried again before the next start')
  try {
    return new Pkcs11Token({ module, name, pin, sessions })
  } catch (error) {
    const message = messageOf(error)
    if (error instanceof TokenError && error.isPinRefused) {
      watch?.refuse()
      throw refused(`${message}; it was tried once`)
    }
    if (error instanceof TokenError && error.code === 'CKR_SESSION_COUNT')
      throw fault(loaded, 'sessions', `as many sessions as token "${name}" has room for, beside one more`, message)
    throw fault(loaded, 'token', `the label or serial number of a token of ${module.path}`, tokensOf(module, message))
  }
}

function incapable(loaded: LoadedConfig, why: string): ConfigFault {
  const { provider, strict } = loaded.config.hsm
  const able = 'a module that can use secrets without giving them out'
  if (strict)
    return fault(loaded, 'module', `${able}, because hsm.strict is true`, `${why}; only the sealed route is left`)
  const hint = `${why}; provider = "sealed" has secrets in the proxy's memory instead`
  const { problems } = fault(loaded, 'module', able, hint)
  return provider === 'auto' ? new OnlySealed(problems, why) : new ConfigFault(problems)
}

function tokensOf(module: Pkcs11Module, message: string): string {
  const labels = module.tokens().flatMap(({ label, isInitialised }) => (isInitialised ? [`"${label}"`] : []))
  return `${message}; it has ${labels.length === 0 ? 'none: make one with palisade hsm init' : labels.join(', ')}`
}

function fault(
  loaded: LoadedConfig,
  key: 'module' | 'token' | 'pin' | 'sessions',
  allowed: string,
  hint: string,
): ConfigFault {
  return new ConfigFault([problemOf(loaded, { path: ['hsm', key], allowed, hint })])
}

function messageOf(error: unknown): string {
  if (error instanceof TokenError) return error.message
  throw error
}
