import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pkcs11Module } from '../../src/runtime/vault/pkcs11.ts'
import { Pkcs11Token } from '../../src/runtime/vault/token.ts'
import type { SignatureKind } from '../../src/vault/crypto.ts'
import { makeToken, newTokens, PIN, SOFTHSM, TOKEN } from './softhsm.ts'

/** A PKCS#11 module of the tests. What differs between them stands here, with its reason, and nowhere else. */
export interface TestModule {
  readonly name: string
  readonly path: string
  /** Label of the token that `make` makes. */
  readonly token: string
  /** Kinds of signatures that it has no mechanism for. */
  readonly lacks: readonly SignatureKind[]
  /** Makes an empty token whose PIN is `PIN`, and answers what the module is to be told when it is initialised. */
  make(): string
}

export const softhsm: TestModule = {
  name: 'SoftHSM',
  path: SOFTHSM,
  token: TOKEN,
  lacks: [],
  make() {
    newTokens()
    makeToken()
    return ''
  },
}

export const nss: TestModule = {
  name: 'NSS',
  path: '/usr/lib/x86_64-linux-gnu/libsoftokn3.so',
  // It has one token that holds keys, and this is what that is called.
  token: 'NSS Certificate DB',
  // CKM_EDDSA came to softokn after the 3.87 that Debian 12 has.
  lacks: ['ed25519'],
  // It has no empty token to be made into ours, and where its database lies it learns from these parameters alone.
  make() {
    if (!existsSync(nss.path)) throw new Error(`${nss.path} is not here: install Debian's package libnss3`)
    const folder = mkdtempSync(join(tmpdir(), 'palisade-nss-'))
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    const database = `sql:${folder}`
    const pinFile = join(folder, 'pin')
    writeFileSync(pinFile, `${PIN}\n`)
    execFileSync('certutil', ['-N', '-d', database, '-f', pinFile], { stdio: 'pipe' })
    return `configdir='${database}' certPrefix='' keyPrefix='' secmod='' flags=`
  },
}

/** A new token of that module, open for `use` alone. */
export async function inToken<T>(module: TestModule, use: (token: Pkcs11Token) => T | Promise<T>): Promise<T> {
  return openIn(module, module.make(), use)
}

/** One that was made before. */
export async function openIn<T>(
  module: TestModule,
  parameters: string,
  use: (token: Pkcs11Token) => T | Promise<T>,
): Promise<T> {
  const native = Pkcs11Module.load(module.path, { parameters })
  const token = new Pkcs11Token({ module: native, name: module.token, pin: PIN, sessions: 3 })
  try {
    return await use(token)
  } finally {
    token.close()
  }
}
