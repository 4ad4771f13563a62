import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto'
import { expect, it } from 'vitest'
import { concat } from '../../../src/core/protocol/bytes.ts'
import { x25519Public } from '../../../src/core/protocol/x25519.ts'
import { hex, testRandom, toHex } from './arbitrary.ts'

it("makes Bob's public key of RFC 7748, 6.1", () => {
  const bob = hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')
  expect(toHex(x25519Public(bob))).toBe('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f')
})

it('makes keys that two sides can agree with', () => {
  const privateKeys = [1, 2].map((seed) => testRandom(seed).fill(new Uint8Array(32)))
  const agree = (own: Uint8Array, other: Uint8Array) => {
    const pkcs8 = Buffer.from(concat(hex('302e020100300506032b656e04220420'), own))
    const spki = Buffer.from(concat(hex('302a300506032b656e032100'), x25519Public(other)))
    const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    return toHex(diffieHellman({ privateKey, publicKey: createPublicKey({ key: spki, format: 'der', type: 'spki' }) }))
  }
  expect(agree(privateKeys[0], privateKeys[1])).toBe(agree(privateKeys[1], privateKeys[0]))
})
