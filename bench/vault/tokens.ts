import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pkcs11Module } from '../../src/runtime/vault/pkcs11.ts'
import { storeSecret } from '../../src/runtime/vault/secrets.ts'
import { Pkcs11Token } from '../../src/runtime/vault/token.ts'
import { inRoot } from '../process.ts'

/** A token with the bench's secrets, as `[hsm]` names it. */
export interface BenchToken {
  readonly module: string
  readonly token: string
  /** What the module is told when it is initialised. */
  readonly parameters: string
}

export interface BenchTokens {
  readonly softhsm: BenchToken
  readonly nss: BenchToken
  /** The token of SoftHSM through a module that takes `SLOW_MS` longer for each use. */
  readonly slow: BenchToken
  remove(): void
}

export const SECRETS = 16
/** Of one use of a secret in the slow module. */
export const SLOW_MS = 3
/** Where the PIN is, for the program. */
export const PIN_VARIABLE = 'BENCH_PIN'
export const PIN = '1234'
const SO_PIN = '87654321'

const SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so'
const NSS = '/usr/lib/x86_64-linux-gnu/libsoftokn3.so'

/** The secrets in every token, 1..`SECRETS`. */
export function labelOf(number: number): string {
  return `secret-${number}`
}

export function keyOf(number: number): Uint8Array {
  return new Uint8Array(16).fill(number)
}

/**
 * Makes the tokens in a new folder and puts the secrets into them. SoftHSM finds its own by the environment as C sees it, so this is for
 * Node, where a change of `process.env` reaches that; processes that are started afterwards inherit it.
 */
export function makeTokens(): BenchTokens {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-tokens-'))
  process.env[PIN_VARIABLE] = PIN
  const softhsm = makeSoftHsm(folder)
  const nss = makeNss(folder)
  for (const token of [softhsm, nss]) fill(token)
  const slow = { ...softhsm, module: compileSlow(folder) }
  return { softhsm, nss, slow, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

export function openToken({ module, token, parameters }: BenchToken): Pkcs11Token {
  return new Pkcs11Token({ module: Pkcs11Module.load(module, { parameters }), name: token, pin: PIN, sessions: 4 })
}

function makeSoftHsm(folder: string): BenchToken {
  if (!existsSync(SOFTHSM)) throw new Error(`${SOFTHSM} is not here: install Debian's package softhsm2`)
  const tokens = join(folder, 'softhsm')
  const config = join(folder, 'softhsm2.conf')
  mkdirSync(tokens)
  writeFileSync(config, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  process.env.SOFTHSM2_CONF = config
  const args = ['--init-token', '--free', '--label', 'palisade', '--pin', PIN, '--so-pin', SO_PIN]
  execFileSync('softhsm2-util', args, { stdio: 'pipe' })
  return { module: SOFTHSM, token: 'palisade', parameters: '' }
}

function makeNss(folder: string): BenchToken {
  if (!existsSync(NSS)) throw new Error(`${NSS} is not here: install Debian's package libnss3`)
  const database = `sql:${join(folder, 'nss')}`
  const pinFile = join(folder, 'pin')
  mkdirSync(join(folder, 'nss'))
  writeFileSync(pinFile, `${PIN}\n`)
  execFileSync('certutil', ['-N', '-d', database, '-f', pinFile], { stdio: 'pipe' })
  const parameters = `configdir='${database}' certPrefix='' keyPrefix='' secmod='' flags=`
  return { module: NSS, token: 'NSS Certificate DB', parameters }
}

function fill(place: BenchToken): void {
  const token = openToken(place)
  for (let number = 1; number <= SECRETS; number++) storeSecret(token, labelOf(number), keyOf(number))
  token.close()
}

function compileSlow(folder: string): string {
  const path = join(folder, 'slow.so')
  const flags = ['-shared', '-fPIC', `-DSLEEP_US=${1000 * SLOW_MS}`, `-DREAL="${SOFTHSM}"`]
  const includes = ['-I', inRoot('node_modules/pkcs11js/includes')]
  execFileSync('gcc', [...flags, ...includes, '-o', path, inRoot('bench/vault/slow-module.c')], { stdio: 'pipe' })
  return path
}
