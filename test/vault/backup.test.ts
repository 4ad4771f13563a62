import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto'
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { checkOfKey, latest, readBackup, readSealed, readSealingKey, seal } from '../../src/vault/backup.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const KEY = Uint8Array.from({ length: 16 }, (_, at) => at)
const NOW = 1_800_000_000
const ANN = { label: 'ann', generation: 2, key: KEY }

function lineOf(text: string) {
  const read = readBackup(text)
  if ('badLine' in read || read.lines.length !== 1) throw new Error(`${text} is no line`)
  return read.lines[0]
}

function opened(sealed: string): Buffer {
  const padding = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }
  return privateDecrypt({ key: privateKey, ...padding }, Buffer.from(sealed, 'base64'))
}

describe('a backup line', () => {
  it('gives the secret back to who has the private key, and keeps it when what was opened is overwritten', () => {
    const line = lineOf(seal(ANN, publicKey, NOW))
    const plain = opened(line.sealed)
    const read = readSealed(plain, line)
    plain.fill(0)
    expect(read).toEqual(ANN)
  })

  it('holds no trace of the secret, and has room for the longest label', () => {
    const text = seal({ ...ANN, label: 'a'.repeat(64), generation: 65_535 }, publicKey, NOW)
    const written = Buffer.from(KEY)
    for (const form of ['hex', 'base64'] as const) expect(text).not.toContain(written.toString(form).slice(0, 20))
    expect(readSealed(opened(lineOf(text).sealed), lineOf(text))?.label).toHaveLength(64)
  })

  it.each([{ label: 'eve' }, { generation: 1 }, { check: '0011223344556677' }])('is none where it says %j', (other) => {
    const line = lineOf(seal(ANN, publicKey, NOW))
    expect(readSealed(opened(line.sealed), { ...line, ...other })).toBeUndefined()
  })

  it('confirms a key by 64 bits of a hash that no handshake makes', () => {
    expect(checkOfKey(KEY)).toMatch(/^[0-9a-f]{16}$/)
    expect(checkOfKey(KEY)).not.toBe(checkOfKey(KEY.slice().fill(1)))
  })

  test.prop([fc.string(), fc.nat(2000), fc.nat(255)])(
    'is read from no garbage, and never throws',
    (text, at, byte) => {
      expect('badLine' in readBackup(`x${text}`)).toBe(true)
      const spoilt = Buffer.from(`${seal(ANN, publicKey, NOW)}\n`)
      spoilt[at % spoilt.length] = byte
      readBackup(spoilt.toString('latin1'))
      readSealed(Buffer.from(text), lineOf(seal(ANN, publicKey, NOW)))
    },
    10_000,
  )
})

describe('a backup file', () => {
  it('names the first line that is none', () => {
    const line = seal(ANN, publicKey, NOW)
    expect(readBackup(`${line}\n\n${line.slice(1)}\n`)).toEqual({ badLine: 3 })
    expect(readBackup(`${'x'.repeat(5000)}\n`)).toEqual({ badLine: 1 })
    expect(readBackup('')).toEqual({ lines: [] })
  })

  it('restores of each label what was written last', () => {
    const texts = [ANN, { ...ANN, label: 'bob' }, { ...ANN, generation: 3 }].map((one) => seal(one, publicKey, NOW))
    const read = readBackup(`${texts.join('\n')}\n`)
    const found = 'lines' in read ? latest(read.lines) : []
    expect(found.map(({ label, generation }) => [label, generation])).toEqual([
      ['ann', 3],
      ['bob', 2],
    ])
  })
})

describe('the key that backups are sealed under', () => {
  it('is a public one of RSA that is long enough', () => {
    const pem = (key: typeof publicKey) => key.export({ type: 'spki', format: 'pem' }).toString()
    expect(readSealingKey(pem(publicKey))).toBeDefined()
    expect(readSealingKey(pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey))).toBeUndefined()
    expect(readSealingKey(pem(generateKeyPairSync('ed25519').publicKey))).toBeUndefined()
    expect(readSealingKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())).toBeUndefined()
    expect(readSealingKey('')).toBeUndefined()
  })
})
