import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isValid, judgeChain, readDigest, whyTooFew, type Digests, type Pin } from '../../src/trust/pins.ts'

const NOW = 1_800_000_000
const digestOf = (name: string) => createHash('sha256').update(name).digest('base64')
const CHAIN: readonly Digests[] = ['leaf', 'intermediate', 'root'].map((name) => ({
  spki: digestOf(`${name} key`),
  certificate: digestOf(name),
}))

function pin(name: string, more: Partial<Pin> = {}): Pin {
  return { kind: 'spki', digest: digestOf(name), fromSec: 0, untilSec: Infinity, isBackup: false, ...more }
}

describe('a digest', () => {
  const hex = createHash('sha256').update('x').digest('hex')
  const base64 = digestOf('x')
  it.each([
    `sha256/${base64}`,
    base64,
    hex,
    hex.toUpperCase(),
    hex.match(/../g)!.join(':'),
    hex.toUpperCase().match(/../g)!.join(':'),
  ])('is read from %s', (text) => expect(readDigest(text)).toBe(base64))

  it.each([
    '',
    'sha256/',
    base64.slice(0, -1),
    `${base64}=`,
    ` ${base64}`,
    `${base64}\n`,
    `sha1/${base64}`,
    base64.replace(/.=$/, '_='),
    // Not what an encoder writes: bits beyond the digest.
    `${'A'.repeat(42)}B=`,
    hex.slice(2),
    `${hex}00`,
    `${hex.slice(0, 62)}:g0`,
  ])('is not read from %j', (text) => expect(readDigest(text)).toBeUndefined())
})

describe('the time of a pin', () => {
  it.each([
    [NOW - 1, false],
    [NOW, true],
    [NOW + 9, true],
    [NOW + 10, false],
  ])('from %# includes its first second and not its last', (now, is) =>
    expect(isValid(pin('x', { fromSec: NOW, untilSec: NOW + 10 }), now)).toBe(is),
  )
})

describe('a chain', () => {
  it.each([
    ['leaf key', 'spki', 0],
    ['intermediate key', 'spki', 1],
    ['root key', 'spki', 2],
    ['leaf', 'certificate', 0],
    ['root', 'certificate', 2],
  ] as const)('matches a pin of its %s', (name, kind, depth) => {
    const only = pin(name, { kind })
    expect(judgeChain([pin('other'), only], CHAIN, NOW)).toEqual({ outcome: 'match', pin: only, depth })
  })

  it('does not take a key for a certificate, nor the other way', () => {
    expect(judgeChain([pin('leaf key', { kind: 'certificate' })], CHAIN, NOW).outcome).toBe('mismatch')
    expect(judgeChain([pin('leaf')], CHAIN, NOW).outcome).toBe('mismatch')
  })

  it('without pins, or an empty one, matches nothing', () => {
    expect(judgeChain([], CHAIN, NOW).outcome).toBe('mismatch')
    expect(judgeChain([pin('leaf key')], [], NOW).outcome).toBe('mismatch')
  })

  it('tells a pin out of its time from none', () => {
    const over = pin('leaf key', { untilSec: NOW })
    const later = pin('root key', { fromSec: NOW + 1 })
    expect(judgeChain([over], CHAIN, NOW)).toEqual({ outcome: 'expired', pin: over })
    expect(judgeChain([later], CHAIN, NOW)).toEqual({ outcome: 'not-yet-valid', pin: later })
    expect(judgeChain([over, later, pin('intermediate key')], CHAIN, NOW).outcome).toBe('match')
  })
})

describe('strict mode', () => {
  const backup = pin('backup', { isBackup: true })
  it.each<[string, Pin[], RegExp | undefined]>([
    ['two pins, one a backup', [pin('a'), backup], undefined],
    ['two backups', [backup, pin('b', { isBackup: true })], undefined],
    ['a certificate and a backup key', [pin('a', { kind: 'certificate' }), backup], undefined],
    ['no pin', [], /no valid pin/],
    ['one pin', [pin('a')], /one valid pin/],
    ['one backup', [backup], /one valid pin/],
    ['two pins and no backup', [pin('a'), pin('b')], /none of its valid pins is a backup/],
    ['a pin that is its own backup', [pin('a'), pin('a', { isBackup: true })], /one valid pin/],
    ['the same pin twice', [pin('a'), pin('a')], /one valid pin/],
    ['a backup whose time is over', [pin('a'), pin('b', { isBackup: true, untilSec: NOW })], /one valid pin/],
    ['a backup whose time has not come', [pin('a'), pin('b', { isBackup: true, fromSec: NOW + 1 })], /one valid pin/],
  ])('with %s', (_, pins, why) => {
    if (why === undefined) expect(whyTooFew(pins, NOW)).toBeUndefined()
    else expect(whyTooFew(pins, NOW)).toMatch(why)
  })
})
