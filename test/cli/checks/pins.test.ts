import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { pinFindings } from '../../../src/cli/checks/pins.ts'
import type { Pin } from '../../../src/trust/pins.ts'
import type { PinSettings } from '../../../src/trust/policy.ts'

/** 2027-01-15T08:00:00Z. */
const NOW = 1_800_000_000
const DAY = 86_400
const digestOf = (name: string) => createHash('sha256').update(name).digest('base64')

function pin(name: string, more: Partial<Pin> = {}): Pin {
  return { kind: 'spki', digest: digestOf(name), fromSec: 0, untilSec: Infinity, isBackup: false, ...more }
}
const backup = pin('backup', { isBackup: true })

function find(mode: PinSettings['mode'], pins: readonly Pin[]): string[] {
  return pinFindings({ mode, pins: new Map([['x.test', pins]]) }, NOW).map(
    ({ level, message }) => `${level} ${message}`,
  )
}

describe('the check of pins', () => {
  it('is content with pins that last', () => {
    expect(find('strict', [pin('a'), backup])).toEqual(['ok x.test has 2 valid pins'])
    expect(find('warn', [pin('a')])).toEqual(['ok x.test has 1 valid pin'])
    expect(find('strict', [pin('a', { untilSec: NOW + 30 * DAY + 1 }), backup])).toEqual(['ok x.test has 2 valid pins'])
  })

  it('has nothing to say where nothing is pinned', () => {
    expect(find('off', [pin('a', { untilSec: NOW })])).toEqual([])
    expect(pinFindings({ mode: 'warn', pins: new Map() }, NOW)).toEqual([])
    expect(pinFindings({ mode: 'strict', pins: new Map() }, NOW)).toMatchObject([{ level: 'warn' }])
  })

  it('warns of a pin that ends soon, and of what comes then', () => {
    const soon = pin('a', { untilSec: NOW + 30 * DAY })
    const line = `warn x.test: sha256/${digestOf('a')} ends on 2027-02-14, in 30 days`
    expect(find('strict', [soon, pin('b'), backup])).toEqual([line])
    expect(find('strict', [soon, backup])).toEqual([
      `${line}; then it is not contacted: it has one valid pin, and strict pinning wants 2, one of them a backup`,
    ])
    expect(find('warn', [soon])).toEqual([`${line}; then no pin of it is valid`])
  })

  it('warns of a pin that ended, and fails where strict mode has too few', () => {
    const over = pin('a', { untilSec: NOW })
    const line = `warn x.test: sha256/${digestOf('a')} ended on 2027-01-15; take it out`
    expect(find('strict', [over, pin('b'), backup])).toEqual([line])
    expect(find('warn', [over])).toEqual(['warn x.test: no pin of it is valid', line])
    expect(find('strict', [over, backup])).toEqual([
      'fail x.test: it is not contacted: it has one valid pin, and strict pinning wants 2, one of them a backup',
      line,
    ])
  })
})
