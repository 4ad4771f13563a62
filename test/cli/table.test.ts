import { afterEach, describe, expect, it, vi } from 'vitest'
import { howLong, howMuch, moment, printTable } from '../../src/cli/table.ts'

describe('tables', () => {
  afterEach(() => vi.restoreAllMocks())

  it('stand in columns, numbers to the right, and no text can steer the terminal', () => {
    const lines: string[] = []
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0)
    printTable(
      ['NAME', 'N', 'END'],
      [
        ['a\u001b[31m', 5, null],
        ['longer', 123, 'x'],
      ],
    )
    expect(lines.join('')).toBe('NAME      N  END\na?[31m    5  -\nlonger  123  x\n')
  })

  it.each([
    [0, '0s'],
    [59.9, '59s'],
    [61, '1m 1s'],
    [3600, '1h'],
    [90_061, '1d 1h'],
  ])('%d seconds are %s', (sec, text) => expect(howLong(sec)).toBe(text))

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_500, '1.5 KB'],
    [123_456_789, '123 MB'],
    [5e15, '5000 TB'],
  ])('%d bytes are %s', (bytes, text) => expect(howMuch(bytes)).toBe(text))

  it('moments are those of RFC 3339', () => expect(moment(1_800_000_000)).toBe('2027-01-15T08:00:00Z'))
})
