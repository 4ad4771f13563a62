import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { x25519Public } from '../../../src/core/protocol/x25519.ts'
import type { Result } from '../../../sim/conformance/case.ts'
import { isOnCurve } from '../../../sim/conformance/groups/fake-tls.ts'
import { GROUPS } from '../../../sim/conformance/groups/index.ts'
import { differenceOf, differenceOfMany } from '../../../sim/conformance/likeness.ts'
import { countsOf, junitOf, lineOf } from '../../../sim/conformance/report.ts'
import { knownIds } from '../../../sim/conformance/run.ts'
import type { Heard } from '../../../sim/conformance/wire.ts'

const result = (more: Partial<Result>): Result => ({
  ...{ id: '1.2', group: 'pieces', title: 'byte by byte', verdict: 'pass', why: '', observed: '', tookMs: 1500 },
  ...more,
})
const heard = (hex: string, more: Partial<Heard> = {}): Heard => ({
  ...{ bytes: Buffer.from(hex, 'hex'), ending: 'end', tookMs: 100, firstMs: 10 },
  ...more,
})
/** A record of TLS with a body of that length. */
const record = (type: string, length: number, fill = '00') =>
  `${type}0303${length.toString(16).padStart(4, '0')}${fill.repeat(length)}`

describe('the report of the conformance suite', () => {
  const results = [
    result({}),
    result({ id: '1.3', verdict: 'fail', why: 'no <answer> & "silence"\u0007', observed: '0102' }),
    result({ id: '2.1', group: 'strain', verdict: 'skip', why: 'needs --mask' }),
  ]

  it('counts', () => {
    expect(countsOf(results)).toEqual({ pass: 1, fail: 1, skip: 1 })
  })

  it('says in lines what failed and what came instead', () => {
    expect(results.map(lineOf)).toEqual([
      'pass  1.2   byte by byte',
      'FAIL  1.3   byte by byte\n            no <answer> & "silence"\u0007\n            came: 0102',
      'skip  2.1   byte by byte\n            needs --mask',
    ])
  })

  it('is well-formed XML for JUnit, a suite for each group', () => {
    const xml = junitOf('127.0.0.1:443', results)
    expect(xml).toContain('tests="3" failures="1" skipped="1"')
    expect(xml).toContain('<testsuite name="pieces" tests="2" failures="1" skipped="0">')
    expect(xml).toContain('<failure message="no &lt;answer&gt; &amp; &quot;silence&quot;">0102</failure>')
    expect(xml).toContain('<testsuite name="strain" tests="1" failures="0" skipped="1">')
    const opened = [...xml.matchAll(/<(\w+)[^>]*[^/]>/g)].map(([, name]) => name)
    const closed = [...xml.matchAll(/<\/(\w+)>/g)].map(([, name]) => name)
    expect(opened.filter((name) => name !== 'xml').sort()).toEqual(closed.sort())
  })

  it('has a number for each case, and a name that no other has', () => {
    const titles = GROUPS.flatMap(({ cases }) => cases.map(({ title }) => title))
    expect(new Set(titles).size).toBe(titles.length)
    expect(knownIds().size).toBe(GROUPS.length + titles.length)
  })
})

describe('likeness to the site', () => {
  const SLACK_MS = 500
  const tells = (ours: Heard, theirs: Heard) => differenceOf(ours, theirs, SLACK_MS)

  it('sees another ending, another time and other bytes', () => {
    expect(tells(heard('01'), heard('01'))).toBeUndefined()
    expect(tells(heard('01', { ending: 'reset' }), heard('01'))).toBe('it ends with reset, the site with end')
    expect(tells(heard('01', { tookMs: 700 }), heard('01'))).toBe('it ends after 700 ms, the site after 100 ms')
    expect(tells(heard('01', { tookMs: 600 }), heard('01'))).toBeUndefined()
    expect(tells(heard('01'), heard('02'))).toBe('it answers with other bytes than the site')
  })

  it('sees of a TLS answer what an onlooker sees: records and their lengths, but for those of a signature', () => {
    const site = heard(record('16', 90) + record('14', 1) + record('17', 800))
    const other = (length: number, type = '17') =>
      heard(record('16', 90, 'ff') + record('14', 1) + record(type, length, 'aa'))
    expect(tells(other(803), site)).toBeUndefined()
    expect(tells(other(805), site)).toBe('its TLS records are 22:90 20:1 23:805, those of the site 22:90 20:1 23:800')
    expect(tells(other(800, '15'), site)).toContain('those of the site')
  })
})

describe('likeness of many answers to those of the site', () => {
  const times = (from: number, count = 20) => Array.from({ length: count }, (_, at) => from + at)
  const many = (from: number, more: Partial<Heard> = {}) =>
    times(from).map((firstMs) => heard('0102', { firstMs, tookMs: firstMs + 5, ...more }))

  it('sees one that ends otherwise, and one that is longer', () => {
    const odd = (one: Partial<Heard>) => [...many(10).slice(1), heard('0102', one)]
    expect(differenceOfMany(many(10), many(10), 0)).toBeUndefined()
    expect(differenceOfMany(odd({ ending: 'reset' }), many(10), 0)).toBe(
      'it ends with end 19 times, reset 1 times, the site with end 20 times',
    )
    expect(differenceOfMany(odd({ bytes: Buffer.alloc(3) }), many(10), 0)).toBe('it says 2 to 3 bytes, the site 2 to 2')
  })

  it('sees times that are later or earlier on the whole, beyond the slack', () => {
    expect(differenceOfMany(many(40), many(10), 5)).toBe('its first byte comes 30 ms later')
    expect(differenceOfMany(many(10), many(40), 5)).toBe('its first byte comes 30 ms earlier')
    expect(differenceOfMany(many(40), many(10), 30)).toBeUndefined()
    expect(differenceOfMany(many(10, { tookMs: 90 }), many(10, { tookMs: 60 }), 5)).toBe('its end comes 30 ms later')
  })

  it('takes a few late ones for chance', () => {
    const some = many(10).map((one, at) => (at < 4 ? { ...one, firstMs: 500, tookMs: 505 } : one))
    expect(differenceOfMany(some, many(10), 5)).toBeUndefined()
  })
})

describe('a key share', () => {
  it('is on the curve when it is a public key; half of all others are not', () => {
    for (let at = 0; at < 20; at++) expect(isOnCurve(x25519Public(randomBytes(32)))).toBe(true)
    const others = Array.from({ length: 200 }, (_, at) =>
      isOnCurve(Uint8Array.from({ length: 32 }, (_, i) => (at * 7 + i * 31) & 0xff)),
    )
    const share = others.filter((isOn) => isOn).length / others.length
    expect(share).toBeGreaterThan(0.3)
    expect(share).toBeLessThan(0.7)
  })
})
