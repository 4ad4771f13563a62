import { describe, expect, it } from 'vitest'
import type { SecretId } from '../../src/core/ports.ts'
import { SealedVault, sealSecret } from '../../src/vault/sealed.ts'
import { softwareCipherKey } from '../../src/vault/software-crypto.ts'
import { helloFor } from './hellos.ts'

const SEAL = softwareCipherKey(Buffer.alloc(32, 1))
const [ANN, BOB] = [2, 3].map((digit) => new Uint8Array(16).fill(digit))

function scene() {
  const files = new Map<string, Uint8Array | { readonly fault: string }>()
  const vault = new SealedVault({ read: (label) => files.get(label) })
  const matches = (id: SecretId, key: Uint8Array) => {
    let found: unknown
    vault.match(helloFor(key), [id], (match) => (found = typeof match === 'object' ? match.id : match))
    return found === id
  }
  return { files, vault, matches }
}

describe('a sealed vault', () => {
  it('names what is missing, changed, sealed for another label or by another key', () => {
    const { files, vault } = scene()
    const sealed = sealSecret(SEAL, 'ann', ANN)
    files.set('ann', sealed)
    files.set('moved', sealed)
    files.set('short', sealed.subarray(0, 5))
    files.set('long', sealSecret(SEAL, 'long', Buffer.alloc(17)))
    files.set('foreign', sealSecret(softwareCipherKey(Buffer.alloc(32, 9)), 'foreign', ANN))
    for (let at = 0; at < sealed.length; at++)
      files.set(
        `changed-${at}`,
        sealed.map((byte, i) => (i === at ? byte ^ 1 : byte)),
      )
    const labels = [...files.keys()]
    const faults = vault.unseal(SEAL, [...labels, 'none'])
    expect(faults[0]).toBeUndefined()
    expect(faults.at(-1)).toBe('there is none of that name')
    expect(new Set(faults.slice(1, -1))).toEqual(
      new Set(['it does not open: it was changed, or sealed under another key']),
    )
  })

  it('says why where a file cannot be read, or there is no key to unseal with', () => {
    const { files, vault } = scene()
    files.set('locked', { fault: 'EACCES' })
    files.set('ann', sealSecret(SEAL, 'ann', ANN))
    expect(vault.unseal({ fault: 'no key' }, ['locked', 'ann', 'none'])).toEqual([
      'EACCES',
      'no key',
      'there is none of that name',
    ])
    vault.put(1, 'ann')
    expect(vault.has('ann')).toBe(false)
  })

  it('knows the labels in use, and keeps no second copy of what was put', () => {
    const { files, vault, matches } = scene()
    files.set('ann', sealSecret(SEAL, 'ann', ANN))
    vault.unseal(SEAL, ['ann'])
    vault.put(1, 'ann')
    // It was for one.
    vault.put(2, 'ann')
    expect([matches(1, ANN), matches(2, ANN), vault.has('ann')]).toEqual([true, false, true])
    vault.remove(1)
    expect(vault.has('ann')).toBe(false)
  })

  it('takes a secret that changed when it is unsealed again, and keeps the one it has where that fails', () => {
    const { files, vault, matches } = scene()
    files.set('x', sealSecret(SEAL, 'x', ANN))
    vault.unseal(SEAL, ['x'])
    vault.put(1, 'x')
    expect([matches(1, ANN), matches(1, BOB)]).toEqual([true, false])
    files.delete('x')
    vault.unseal(SEAL, ['x'])
    vault.put(1, 'x')
    expect(matches(1, ANN)).toBe(true)
    files.set('x', sealSecret(SEAL, 'x', BOB))
    vault.unseal(SEAL, ['x'])
    vault.put(1, 'x')
    expect([matches(1, ANN), matches(1, BOB)]).toEqual([false, true])
    vault.remove(1)
    expect(matches(1, BOB)).toBe(false)
  })
})
