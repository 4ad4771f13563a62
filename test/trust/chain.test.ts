import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { readCertificate, readChain } from '../../src/trust/chain.ts'
import { makeCa, SITE, type Identity, type LocalCa } from '../contract/pinning.ca.ts'

let ca: LocalCa
beforeAll(() => {
  ca = makeCa()
})
const der = ({ certificate }: Identity) => new X509Certificate(certificate).raw

function openssl(input: string | Buffer, ...args: string[]): Buffer {
  return execFileSync('openssl', args, { input, stdio: 'pipe' })
}

describe('a certificate', () => {
  it.each(['leaf', 'rsaLeaf', 'root'] as const)('%s has the pins that openssl computes', (name) => {
    const { certificate, pins } = ca[name]
    const key = openssl(openssl(certificate, 'x509', '-pubkey', '-noout'), 'pkey', '-pubin', '-outform', 'der')
    expect(pins.spki).toBe(createHash('sha256').update(key).digest('base64'))
    const print = openssl(certificate, 'x509', '-noout', '-fingerprint', '-sha256').toString()
    const hex = print.trim().split('=')[1].replaceAll(':', '')
    expect(pins.certificate).toBe(Buffer.from(hex, 'hex').toString('base64'))
  })

  it('says what it is and whom it is for', () => {
    expect(ca.leaf.pins).toMatchObject({ subject: `CN=${SITE}`, isCa: false, isSelfSigned: false, names: [SITE] })
    expect(ca.intermediate.pins).toMatchObject({ isCa: true, isSelfSigned: false, names: [] })
    expect(ca.root.pins).toMatchObject({ isCa: true, isSelfSigned: true })
    expect(ca.selfSigned.pins).toMatchObject({ isCa: false, isSelfSigned: true })
    const end = openssl(ca.leaf.certificate, 'x509', '-noout', '-enddate').toString().split('=')[1]
    expect(ca.leaf.pins.untilSec).toBe(Date.parse(end) / 1000)
  })

  it('is not read when its end is no time', () => {
    const bytes = Buffer.from(der(ca.leaf))
    const [, end] = [...bytes.toString('latin1').matchAll(/\d{12,14}Z/g)]
    bytes.write('x', end.index, 'latin1')
    expect(readCertificate(bytes)).toBeUndefined()
    expect(readChain([bytes])).toEqual([])
  })

  it.each(['', 'x', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])('is not read from %j', (text) => {
    expect(readCertificate(text)).toBeUndefined()
    expect(readChain([Buffer.from(text)])).toEqual([])
  })
})

describe('a chain', () => {
  it('is read from the leaf up to the root', () => {
    expect(readChain([ca.leaf, ca.intermediate, ca.root].map(der))).toEqual(
      [ca.leaf, ca.intermediate, ca.root].map(({ pins }) => pins),
    )
  })

  it.each<[string, (keyof LocalCa)[], number]>([
    ['one of another CA with the same name', ['namesakeLeaf', 'intermediate', 'root'], 1],
    ['a stranger', ['leaf', 'otherRoot'], 1],
    ['a gap', ['leaf', 'root'], 1],
    ['the wrong order', ['intermediate', 'leaf'], 1],
    ['what is no CA', ['belowLeaf', 'leaf', 'intermediate'], 1],
    ['its root', ['leaf', 'intermediate', 'root', 'root', 'otherRoot'], 3],
    ['a leaf that signed itself', ['selfSigned', 'root'], 1],
  ])('ends at %s', (_, names, length) => {
    expect(readChain(names.map((name) => der(ca[name])))).toHaveLength(length)
  })
})
