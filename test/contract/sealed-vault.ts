import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SecretId } from '../../src/core/ports.ts'
import { Pkcs11Crypto } from '../../src/runtime/vault/crypto.ts'
import { SealedFolder } from '../../src/runtime/vault/sealed-folder.ts'
import type { Pkcs11Token } from '../../src/runtime/vault/token.ts'
import { SealedVault, sealSecret } from '../../src/vault/sealed.ts'

/** A sealed vault whose key is in that token, with secrets in files. */
export async function withSealedVault<T>(
  token: Pkcs11Token,
  use: (subject: {
    readonly vault: SealedVault
    put(id: SecretId, key: Uint8Array): void
    remove(id: SecretId): void
  }) => T | Promise<T>,
): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), 'palisade-sealed-'))
  const crypto = new Pkcs11Crypto(token)
  crypto.createCipherKey('seal')
  const folder = new SealedFolder(path)
  const vault = new SealedVault(folder)
  let count = 0
  try {
    return await use({
      vault,
      put(id, key) {
        const label = `secret-${++count}`
        const seal = crypto.cipherKey('seal')
        assert.ok(folder.add(label, sealSecret(seal, label, key)))
        assert.deepEqual(vault.unseal(seal, [label]), [undefined])
        vault.put(id, label)
      },
      remove: (id) => vault.remove(id),
    })
  } finally {
    rmSync(path, { recursive: true })
  }
}
