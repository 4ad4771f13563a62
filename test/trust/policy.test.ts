import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Pin } from '../../src/trust/pins.ts'
import { PinPolicy, toPinSettings, type PinFailure, type PinSettings } from '../../src/trust/policy.ts'

const NOW = 1_800_000_000
const HOST = 'core.example.com'
const digestOf = (name: string) => createHash('sha256').update(name).digest('base64')
const RIGHT = [{ spki: digestOf('a'), certificate: digestOf('certificate of a') }]
const WRONG = [{ spki: digestOf('other'), certificate: digestOf('certificate of other') }]

function pin(name: string, more: Partial<Pin> = {}): Pin {
  return { kind: 'spki', digest: digestOf(name), fromSec: 0, untilSec: Infinity, isBackup: false, ...more }
}
const PINS = [pin('a'), pin('backup', { isBackup: true })]

let failures: PinFailure[]
beforeEach(() => void (failures = []))

function policy(mode: PinSettings['mode'], pins: readonly Pin[] = PINS): PinPolicy {
  return new PinPolicy({ mode, pins: new Map([[HOST, pins]]) }, (failure) => failures.push(failure))
}
const countsOf = (of: PinPolicy) => of.counts().map(({ host, outcome, count }) => `${host} ${outcome} ${count}`)

describe('the policy', () => {
  it('when strict, trusts a pinned chain and no other', () => {
    const strict = policy('strict')
    expect(strict.whyNotContact(HOST, NOW)).toBeUndefined()
    expect(strict.whyNotTrust(HOST, RIGHT, NOW)).toBeUndefined()
    expect(failures).toEqual([])
    const why = strict.whyNotTrust(HOST, WRONG, NOW)
    expect(why).toBe(`${HOST} shows a chain with none of its pins (its leaf has sha256/${digestOf('other')})`)
    expect(failures).toEqual([{ host: HOST, outcome: 'mismatch', isRefused: true, message: why }])
    expect(countsOf(strict)).toEqual([`${HOST} match 1`, `${HOST} mismatch 1`])
  })

  it('when strict, does not contact a host without pins', () => {
    const strict = policy('strict')
    expect(strict.whyNotContact('other.example.com', NOW)).toBe(
      'other.example.com is not contacted: it has no valid pin, and strict pinning wants 2, one of them a backup',
    )
    expect(failures).toMatchObject([{ host: 'other.example.com', outcome: 'too-few-pins', isRefused: true }])
    expect(strict.whyNotTrust('other.example.com', RIGHT, NOW)).toMatch(/none of its pins/)
  })

  it('when it warns, tells of each failure once and lets it pass', () => {
    const warn = policy('warn', [pin('a', { untilSec: NOW })])
    expect(warn.whyNotContact(HOST, NOW)).toBeUndefined()
    expect(warn.whyNotTrust(HOST, RIGHT, NOW)).toBeUndefined()
    expect(warn.whyNotTrust(HOST, WRONG, NOW)).toBeUndefined()
    expect(failures.map(({ outcome, isRefused }) => [outcome, isRefused])).toEqual([
      ['expired', false],
      ['mismatch', false],
    ])
  })

  it('when it warns, has nothing to say about a host that nobody pinned', () => {
    const warn = policy('warn')
    expect(warn.whyNotTrust('other.example.com', WRONG, NOW)).toBeUndefined()
    expect(failures).toEqual([])
    expect(countsOf(warn)).toEqual(['other.example.com unpinned 1'])
  })

  it('when off, looks at no pin', () => {
    const off = policy('off')
    expect(off.whyNotContact('other.example.com', NOW)).toBeUndefined()
    expect(off.whyNotTrust(HOST, WRONG, NOW)).toBeUndefined()
    expect(failures).toEqual([])
    expect(countsOf(off)).toEqual([`${HOST} off 1`])
  })

  it('knows a host in any case and with a dot at its end', () => {
    expect(policy('strict').whyNotTrust('Core.Example.COM.', RIGHT, NOW)).toBeUndefined()
    expect(policy('strict').whyNotContact('sub.core.example.com', NOW)).toMatch(/no valid pin/)
  })

  it('takes new settings from the next question on, and counts on', () => {
    const strict = policy('strict')
    strict.whyNotTrust(HOST, RIGHT, NOW)
    strict.settings = { mode: 'strict', pins: new Map([[HOST, [pin('b'), PINS[1]]]]) }
    expect(strict.whyNotTrust(HOST, RIGHT, NOW)).toMatch(/none of its pins/)
    expect(countsOf(strict)).toEqual([`${HOST} match 1`, `${HOST} mismatch 1`])
  })

  it('counts a bounded number of hosts, and the others together', () => {
    const off = policy('off')
    for (let i = 0; i < 1100; i++) off.whyNotTrust(`host-${i}`, RIGHT, NOW)
    const counts = off.counts()
    expect(counts).toHaveLength(1025)
    expect(counts.at(-1)).toEqual({ host: 'other', outcome: 'off', count: 76 })
  })
})

describe('settings of pins', () => {
  it('add up the tables of a host', () => {
    const table = { spki_sha256: [], certificate_sha256: [], from: undefined, until: undefined, backup: false }
    const { mode, pins } = toPinSettings({
      mode: 'warn',
      pins: [
        { ...table, host: HOST, spki_sha256: [digestOf('a'), digestOf('b')], until: NOW },
        { ...table, host: HOST, certificate_sha256: [digestOf('c')], from: NOW, backup: true },
      ],
    })
    expect(mode).toBe('warn')
    expect(pins.get(HOST)).toEqual([
      pin('a', { untilSec: NOW }),
      pin('b', { untilSec: NOW }),
      pin('c', { kind: 'certificate', fromSec: NOW, isBackup: true }),
    ])
  })
})
