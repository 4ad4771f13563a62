import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Vault } from '../../src/core/ports.ts'
import { Pkcs11Crypto } from '../../src/runtime/vault/crypto.ts'
import { SealedFolder } from '../../src/runtime/vault/sealed-folder.ts'
import type { Pkcs11Token } from '../../src/runtime/vault/token.ts'
import { HsmVault } from '../../src/vault/hsm.ts'
import { probe } from '../../src/vault/known-answers.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { PinWatch } from '../../src/vault/pin-watch.ts'
import { SealedVault, sealSecret } from '../../src/vault/sealed.ts'
import { keyOf, labelOf, openToken, SECRETS, type BenchToken } from './tokens.ts'

const NUMBERS = Array.from({ length: SECRETS }, (_, at) => at + 1)

/** Every vault knows secret `n` by the id `n`. */
export function inMemory(): Vault {
  const vault = new MemoryVault()
  for (const number of NUMBERS) vault.put(number, keyOf(number))
  return vault
}

export function takeLabels(vault: { put(id: number, label: string): void }): void {
  for (const number of NUMBERS) vault.put(number, labelOf(number))
}

export function inProcess(place: BenchToken): { readonly vault: Vault; readonly token: Pkcs11Token } {
  const token = openToken(place)
  const probed = probe(token)
  if ('why' in probed) throw new Error(probed.why)
  const fail = (what: unknown) => {
    throw new Error(`the token failed: ${String(what)}`)
  }
  const vault = new HsmVault({
    ...{ token, trialKey: probed.trialKey, now: () => performance.now(), wall: () => Math.floor(Date.now() / 1000) },
    events: {
      onError: fail,
      onGone: fail,
      onBack: () => fail('back'),
      onPinRefused: () => fail('PIN'),
      onMissing: fail,
    },
    pin: new PinWatch(new Int32Array(1), { pid: process.pid, isAlive: () => true }),
  })
  takeLabels(vault)
  return { vault, token }
}

/** Secrets sealed in files under a key that this makes in the token, and unsealed. */
export function sealedUnder(token: Pkcs11Token): Vault {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-sealed-'))
  const crypto = new Pkcs11Crypto(token)
  const name = `seal-${process.pid}`
  crypto.createCipherKey(name)
  const seal = crypto.cipherKey(name)
  const shelf = new SealedFolder(folder)
  const vault = new SealedVault(shelf)
  for (const number of NUMBERS) shelf.add(labelOf(number), sealSecret(seal, labelOf(number), keyOf(number)))
  const faults = vault.unseal(seal, NUMBERS.map(labelOf))
  if (faults.some((fault) => fault !== undefined)) throw new Error(`not unsealed: ${faults.join(', ')}`)
  takeLabels(vault)
  rmSync(folder, { recursive: true })
  return vault
}
