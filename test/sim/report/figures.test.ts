import { describe, expect, it } from 'vitest'
import { counted, milliseconds, moment, number, percent, size } from '../../../sim/report/figures.ts'
import { progressText } from '../../../sim/report/progress.ts'
import { sparkline, sparklines } from '../../../sim/report/spark.ts'
import { loadScenario, scenarioNames } from '../../../sim/attacks.ts'
import { verdicts } from '../../../sim/attacks/judge.ts'
import { verdictText } from '../../../sim/report/verdict-text.ts'
import { playedReport } from './samples.ts'

describe('figures', () => {
  it.each([
    [number, 0, '0'],
    [number, 999, '999'],
    [number, 1_000, '1,000'],
    [number, 1_234_567, '1,234,567'],
    [number, 1234.567, '1,234.57'],
    [percent, 1, '100.00 %'],
    [percent, 0.99999, '99.99 %'],
    [percent, 0, '0.00 %'],
    [milliseconds, 9_999, '9999 ms'],
    [milliseconds, 10_000, '10.0 s'],
    [milliseconds, undefined, 'never'],
    [size, 10_239, '10239 B'],
    [size, 10_240, '10 KB'],
    [size, 64 << 20, '64 MB'],
    [moment, 0, '0s'],
    [moment, 250, '0.25s'],
    [moment, 60_000, '1m'],
    [moment, 80_000, '1m20s'],
    [moment, 3_600_000, '1h'],
    [moment, 7_500_000, '2h5m'],
  ] as [(value: number | undefined) => string, number | undefined, string][])('%o of %s is %s', (show, value, text) =>
    expect(show(value)).toBe(text),
  )

  it('count in words', () => {
    expect([counted(1, 'run'), counted(0, 'run'), counted(1_500, 'run')]).toEqual(['1 run', '0 runs', '1,500 runs'])
  })
})

describe('a sparkline', () => {
  it('is as high as its figures, and blank where there is nothing', () => {
    expect(sparkline([0, 1, null, 4, 8], 8)).toBe(' ▂ ▅█')
    expect(sparkline([0, 0], 0)).toBe('  ')
  })

  it('shows the highest of those that share a column', () => {
    const values = Array.from({ length: 120 }, (_, at) => (at === 7 ? 10 : 1))
    const line = sparkline(values, 10)
    expect([line.length, line.indexOf('█')]).toEqual([60, 3])
  })

  it('of a run has a line for what happened, and none for what did not', () => {
    const lines = sparklines(playedReport().series)
    expect(lines.map((line) => line.slice(0, 11).trim())).toEqual([
      'honest',
      'lost',
      'p99',
      'attackers',
      'served',
      'bans',
      '',
    ])
    expect(lines[0]).toMatch(/│ up to \d+ in 0\.5s$/)
    expect(new Set(lines.slice(0, -1).map((line) => line.lastIndexOf('│'))).size).toBe(1)
    for (const line of lines) expect(line.length).toBeLessThan(100)
  })
})

describe('the line of progress', () => {
  const at = { what: 'seeds', done: 500, of: 2000, elapsedMs: 40_000, limitMs: undefined, events: 6_900_000, failed: 0 }
  it('shows how much is done, how fast, and how long the rest will take', () => {
    expect(progressText(at)).toBe('[###---------] 500 of 2000 seeds, 12.5/s, 6900 k events, 0 failed, 2m 0s left')
  })
  it('goes by the time where that ends first', () => {
    expect(progressText({ ...at, limitMs: 80_000, failed: 2, events: 12_340_000 })).toBe(
      '[######------] 500 of 2000 seeds, 12.5/s, 12.3 M events, 2 failed, 40s left',
    )
    expect(progressText({ ...at, of: Infinity, limitMs: 50_000, events: 12 })).toBe(
      '[##########--] 500 seeds, 12.5/s, 12 events, 0 failed, 10s left',
    )
  })
  it('says nothing of the end before anything is done', () => {
    expect(progressText({ ...at, done: 0, elapsedMs: 0 })).toBe(
      `[${'-'.repeat(12)}] 0 of 2000 seeds, 0.0/s, 6900 k events, 0 failed`,
    )
  })
  it('leaves out events where none are counted, and fits into a narrow terminal', () => {
    const text = progressText({ what: 'runs', done: 5, of: 20, elapsedMs: 10_000, failed: 1 })
    expect(text).toBe('[###---------] 5 of 20 runs, 0.5/s, 1 failed, 30s left')
    expect(text.length).toBeLessThan(80)
  })
})

describe('an assertion in words', () => {
  const verdict = { bound: 'at most', isHeld: true } as const

  it('has the unit of what it is about', () => {
    expect(verdictText({ ...verdict, assertion: 'recover_within', wanted: 60_000, found: 1_182 })).toEqual({
      ...{
        what: 'from the end of all trouble to the last attempt that failed',
        wanted: 'at most 60.0 s',
        found: '1182 ms',
      },
    })
    expect(verdictText({ ...verdict, assertion: 'pool_max', wanted: 1 << 20, found: 999 }).wanted).toBe(
      'at most 1024 KB',
    )
    expect(verdictText({ ...verdict, assertion: 'detect_within', wanted: 1, found: undefined }).found).toBe(
      'it never came',
    )
  })

  it('names the group it is about', () => {
    const { what, found } = verdictText({
      ...verdict,
      assertion: 'honest.new-ones.connected_min',
      wanted: 1,
      found: 0.5,
    })
    expect([what, found]).toEqual(['of new-ones: attempts that came to an answer', '50.00 %'])
  })

  it('has words for all that the scenarios of this project assert', () => {
    const { run } = playedReport()
    const keys = scenarioNames().flatMap((name) => verdicts(loadScenario(name), { ...run, strays: 0 }))
    const wordless = keys.filter((each) => verdictText(each).what.endsWith(each.assertion.split('.').at(-1) ?? ''))
    expect(wordless.map(({ assertion }) => assertion)).toEqual([])
  })

  it.each(['new_key_max', 'toString', '__proto__'])('keeps the name of %s, which is not known here', (assertion) => {
    expect(verdictText({ ...verdict, assertion, wanted: 5, found: 4 })).toEqual({
      ...{ what: assertion, wanted: 'at most 5', found: '4' },
    })
  })
})
