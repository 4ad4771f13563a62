import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import fixture from '../../fixtures/dc-key.json' with { type: 'json' }
import { sha1 } from './crypto.ts'
import { TlReader, TlWriter } from './tl.ts'

/** The RSA key of the simulated DC: one for all runs, so that a seed decides every byte. */
export interface DcKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** PKCS#1, the form client libraries read. */
  readonly publicKeyPem: string
  /** By which a client finds the key: the last 8 bytes of SHA-1 over modulus and exponent. */
  readonly fingerprint: bigint
}

export function dcKey(): DcKey {
  const publicKey = createPublicKey(fixture.publicKeyPem)
  return {
    privateKey: createPrivateKey({ key: fixture.privateKey, format: 'jwk' }),
    publicKey,
    publicKeyPem: fixture.publicKeyPem,
    fingerprint: fingerprintOf(publicKey.export({ format: 'jwk' })),
  }
}

export function fingerprintOf({ n = '', e = '' }: JsonWebKey): bigint {
  const number = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))
  const digest = sha1(new TlWriter().bytes(number(n)).bytes(number(e)).done())
  return new TlReader(digest.subarray(12)).u64()
}
