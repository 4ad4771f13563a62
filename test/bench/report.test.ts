import { describe, expect, it } from 'vitest'
import { figureOf, goalFor, hasWorkload, isMet, type Goal } from '../../bench/goals.ts'
import { table, type Row } from '../../bench/report.ts'
import { compare } from '../../bench/stats.ts'

const row = (part: Partial<Row>): Row => ({
  runtime: 'bun',
  workload: 'download',
  way: 'direct',
  mode: 'plain',
  comparison: compare([0.5, 0.5, 0.5], [0.55, 0.57, 0.6]),
  rounds: 3,
  ...part,
})

describe('figureOf', () => {
  it('gives CPU seconds per 10^9 bytes', () => {
    expect(figureOf('download', { cpuMs: 600, amount: 2e9, residentKb: 0 })).toBeCloseTo(0.3)
  })

  it('gives CPU microseconds per round trip and per connection', () => {
    expect(figureOf('ping-pong', { cpuMs: 170, amount: 10_000, residentKb: 0 })).toBeCloseTo(17)
    expect(figureOf('set-up', { cpuMs: 100, amount: 1_000, residentKb: 0 })).toBeCloseTo(100)
  })

  it('gives KB of grown memory per idle pair, whatever the CPU time', () => {
    expect(figureOf('idle', { cpuMs: 99, amount: 5_000, residentKb: 50_000 })).toBe(10)
  })
})

describe('goalFor', () => {
  it('allows fake TLS more than the obfuscated modes', () => {
    expect(goal('direct', 'upload', 'ee').max).toBeGreaterThan(goal('direct', 'upload', 'plain').max)
    expect(goal('direct', 'upload', 'dd')).toEqual(goal('direct', 'upload', 'plain'))
  })

  it('allows middle proxies more than the direct way, and has none for their set-up', () => {
    expect(goal('middle', 'download', 'ee')).toEqual({ kind: 'ratio', max: 3 })
    expect(goal('middle', 'ping-pong', 'plain')).toEqual({ kind: 'ratio', max: 2 })
    expect(goalFor('middle', 'set-up', 'plain')).toBeUndefined()
  })
})

describe('hasWorkload', () => {
  it('leaves uploads by middle proxy out', () => {
    expect([hasWorkload('direct', 'upload'), hasWorkload('middle', 'upload')]).toEqual([true, false])
    expect(hasWorkload('middle', 'download')).toBe(true)
  })
})

describe('isMet', () => {
  it('holds the ratio as it is printed against the goal', () => {
    expect(isMet(goal('direct', 'download', 'dd'), compare([1], [1.154]))).toBe(true)
    expect(isMet(goal('direct', 'download', 'dd'), compare([1], [1.156]))).toBe(false)
  })

  it('holds idle memory itself against the goal, not its ratio', () => {
    expect(isMet(goal('direct', 'idle', 'ee'), compare([1], [10]))).toBe(true)
    expect(isMet(goal('direct', 'idle', 'ee'), compare([20], [10.1]))).toBe(false)
  })
})

describe('table', () => {
  it('shows figures, ratio, spread, goal and verdict in columns of one width', () => {
    const lines = table([row({}), row({ mode: 'ee', comparison: compare([0.5], [0.9]), rounds: 1 })]).split('\n')
    expect(new Set(lines.map((line) => line.length)).size).toBe(1)
    expect(cells(lines[2])).toEqual([
      'download',
      'direct',
      'plain',
      'CPU-s/GB',
      '0.50',
      '0.57',
      '1.14',
      '1.10..1.20',
      '1.15',
      'met',
    ])
    expect(cells(lines[3])).toEqual([
      'download',
      'direct',
      'ee',
      'CPU-s/GB',
      '0.50',
      '0.90',
      '1.80',
      '1 round',
      '1.50',
      'missed',
    ])
  })

  it('judges Bun alone: the goals are for the runtime used in production', () => {
    const [, , line] = table([row({ runtime: 'node' })]).split('\n')
    expect(cells(line).slice(-2)).toEqual(['', ''])
  })

  it('shows a figure that has no goal without a verdict', () => {
    const [, , line] = table([row({ workload: 'set-up', way: 'middle' })]).split('\n')
    expect(cells(line).slice(0, 3)).toEqual(['set-up', 'middle', 'plain'])
    expect(cells(line).slice(-2)).toEqual(['', ''])
  })
})

function goal(...which: Parameters<typeof goalFor>): Goal {
  const found = goalFor(...which)
  if (found === undefined) throw new Error('no goal')
  return found
}

function cells(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}
