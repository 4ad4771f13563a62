import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPlace, renderPins } from '../../src/cli/pin.ts'
import { ConfigDocument, readToml } from '../../src/config/document.ts'
import { configSchema } from '../../src/config/schema.ts'
import { makeCa, SITE, type LocalCa } from '../contract/pinning.ca.ts'

const PALISADE = join(import.meta.dirname, '../../bin/palisade')

let folder = ''
let ca: LocalCa
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'palisade-pin-'))
  ca = makeCa()
  const { leaf, root, intermediate } = ca
  writeFileSync(join(folder, 'chain.pem'), `A comment.\n${leaf.chain}${root.certificate}`)
  writeFileSync(join(folder, 'intermediate.crt'), intermediate.certificate)
  writeFileSync(join(folder, 'broken.pem'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  writeFileSync(join(folder, 'empty.pem'), '')
  writeFileSync(join(folder, 'many.pem'), leaf.certificate.repeat(11))
})
afterAll(() => rmSync(folder, { recursive: true }))

function pin(args: readonly string[], runtime = 'node') {
  const { status, stdout, stderr } = spawnSync(PALISADE, ['pin', ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, PALISADE_RUNTIME: runtime },
    timeout: 30_000,
  })
  return { status, stdout, stderr }
}

/** A snippet, as the configuration reads it. */
function pinsOf(snippet: string) {
  const document = readToml(snippet, 'palisade.toml')
  if (!(document instanceof ConfigDocument)) throw new Error(JSON.stringify(document))
  return configSchema.shape.pinning.parse(document.root.pinning).pins
}

describe('palisade pin', () => {
  it.each(['node', 'bun'])('prints the chain of a file as a snippet, its intermediate pinned, on %s', (runtime) => {
    const { status, stdout, stderr } = pin(['chain.pem'], runtime)
    expect([status, stderr]).toEqual([0, ''])
    expect(pinsOf(stdout)).toMatchObject([{ host: SITE, spki_sha256: [ca.intermediate.pins.spki], backup: false }])
    expect(stdout).toMatch(/^ {2}# leaf, CN=pins\.test, until \d{4}-\d\d-\d\d$/m)
    for (const { pins } of [ca.leaf, ca.root])
      expect(stdout).toContain(`  # { host = "${SITE}", spki_sha256 = ["${pins.spki}"] },`)
  })

  it('prints a file without a host, when it is told one', () => {
    expect(pinsOf(pin(['intermediate.crt', '--host', 'Core.Example.com']).stdout)).toMatchObject([
      { host: 'core.example.com', spki_sha256: [ca.intermediate.pins.spki] },
    ])
  })

  it('pins the leaf where there is no intermediate', () => {
    expect(pinsOf(renderPins('x.test', [ca.leaf.pins, ca.root.pins]))).toMatchObject([
      { host: 'x.test', spki_sha256: [ca.leaf.pins.spki] },
    ])
  })

  it.each([
    ['a file without a host', ['intermediate.crt'], 2, /names no host: give one with --host/],
    ['a host that is none', ['chain.pem', '--host', 'a b'], 2, /--host: expected a host name/],
    ['a source that is none', ['https:x'], 2, /expected HOST, HOST:PORT or a file/],
    ['nothing', [], 2, /missing required argument 'source'/],
    ['a file that is not there', ['none.pem'], 1, /none\.pem cannot be read \(ENOENT\)/],
    ['a file without certificates', ['empty.pem'], 1, /holds no certificate in PEM/],
    ['a certificate that is none', ['broken.pem'], 1, /certificate 1 cannot be read/],
    ['more than a chain', ['many.pem'], 1, /holds 11 certificates/],
  ])('%s is one line and an exit code', (_, args, code, part) => {
    const { status, stdout, stderr } = pin(args)
    expect(stderr).toMatch(part)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect([status, stdout]).toEqual([code, ''])
  })
})

describe('a place to ask', () => {
  it.each([
    ['core.telegram.org', { host: 'core.telegram.org', port: 443 }],
    ['Core.Telegram.org:8443', { host: 'core.telegram.org', port: 8443 }],
    ['192.0.2.1', { host: '192.0.2.1', port: 443 }],
    ['192.0.2.1:8443', { host: '192.0.2.1', port: 8443 }],
    ['2001:db8::1', { host: '2001:db8::1', port: 443 }],
    ['[2001:db8::1]:8443', { host: '2001:db8::1', port: 8443 }],
    ['x.test:0', undefined],
    ['x.test:65536', undefined],
    ['x.test:', undefined],
    ['a b', undefined],
    ['', undefined],
  ])('%j', (source, place) => expect(readPlace(source)).toEqual(place))
})
