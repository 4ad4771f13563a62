import { describe, expect, it } from 'vitest'
import { readOptions } from '../../../sim/fuzz/options.ts'
import { findingText, tableOf } from '../../../sim/fuzz/report.ts'

const KNOWN = ['dns', 'stun', 'links', 'lists']

describe('the command line of the fuzzer', () => {
  it('shares the time among targets and threads', () => {
    expect(readOptions(['--jobs', '2', '--seed', '7'], KNOWN)).toMatchObject({ names: KNOWN, seed: 7, timeMs: 30_000 })
    expect(readOptions(['dns', '--jobs', '2', '--time', '5m'], KNOWN)).toMatchObject({
      names: ['dns'],
      timeMs: 300_000,
    })
  })

  it('counts executions instead, or both', () => {
    expect(readOptions(['--execs', '100'], KNOWN)).toMatchObject({ executions: 100, timeMs: undefined })
    expect(readOptions(['dns', '--execs', '100', '--time', '1s', '--save'], KNOWN)).toMatchObject({
      ...{ executions: 100, timeMs: 1_000, isSaving: true },
    })
  })

  it('has a seed of its own for every commit', () => {
    const { seed } = readOptions([], KNOWN)
    expect(Number.isSafeInteger(seed) && seed >= 0).toBe(true)
  })

  it('takes an input for one target', () => {
    expect(readOptions(['dns', '--input', '00ff'], KNOWN).input).toEqual(Uint8Array.of(0, 255))
    expect(readOptions(['dns', '--input', ''], KNOWN).input).toHaveLength(0)
  })

  it.each([
    [['dnss'], 'there is no fuzz target dnss; there are dns, stun, links, lists'],
    [['--time', '60'], '--time: expected a time such as "60s" or "5m", got 60'],
    [['--execs', '0'], '--execs: expected a whole number from 1 on, got 0'],
    [['--seed', '-'], '--seed: expected a whole number from 0 on, got -'],
    [['--input', '00'], '--input: goes with one target'],
    [['dns', '--input', '0'], '--input: expected hex digits'],
  ])('%j is told in one line', (args, message) => {
    expect(() => readOptions(args, KNOWN)).toThrow(new Error(message))
  })
})

describe('what the fuzzer tells', () => {
  const report = { executions: 1_234_567, seconds: 2, taken: 5, known: 60, queue: 7, findings: [], kept: [] }

  it('is a table, and a command for each finding', () => {
    expect(tableOf(new Map([['dns', report]]))).toBe(
      [
        'target  executions  per second  branches  inputs  findings',
        'dns      1,234,567     617,284   5 of 60       7         0',
      ].join('\n'),
    )
    const text = findingText('dns', { what: 'x', stack: 'Error: x\n    at y', input: Uint8Array.of(1, 255) })
    expect(text).toBe('dns: Error: x\n    at y\n  to see it again: npm run sim:fuzz -- dns --input "01ff"')
  })
})
