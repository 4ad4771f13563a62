import { describe, expect, it } from 'vitest'
import { fuzz } from '../../../sim/fuzz/watch.ts'

/** Enough to find each of the bugs that are planted for it (sim/mutants/parsers.ts), and some seconds of work. */
const EXECUTIONS = 40_000
const HANG_MS = 4_000
const TARGETS = ['client-hello', 'tls-records', 'framings', 'rpc-link', 'proxy-header', 'dns', 'https-answer']

describe('the fuzzer', () => {
  it.each(TARGETS)('finds nothing in %s', async (name) => {
    const order = { name, seed: 1, executionsMax: EXECUTIONS, timeMs: Infinity, isFresh: true, isSaving: false }
    const { executions, findings, taken, queue } = await fuzz(order, { hangMs: HANG_MS })
    expect(findings.map(({ what, input }) => `${what} (${Buffer.from(input).toString('hex')})`)).toEqual([])
    expect(executions).toBeGreaterThanOrEqual(EXECUTIONS)
    // It is guided: it has kept inputs that went new ways.
    expect(taken).toBeGreaterThan(30)
    expect(queue).toBeGreaterThan(10)
  })
})
