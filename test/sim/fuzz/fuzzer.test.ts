import { describe, expect, it } from 'vitest'
import { cutsOf, pieces } from '../../../sim/fuzz/cuts.ts'
import { Fuzzer } from '../../../sim/fuzz/fuzzer.ts'
import { shrink } from '../../../sim/fuzz/shrink.ts'
import { Broken, must, mustBeSame, shown, type Target } from '../../../sim/fuzz/target.ts'
import { fuzz } from '../../../sim/fuzz/watch.ts'

const counters = new Uint32Array(8)

/** A parser by hand that counts its branches: behind three bytes that must be right lies a bug. */
const maze: Target = {
  bytesMax: 32,
  seeds: () => [new Uint8Array(8)],
  run(input) {
    counters[0]++
    for (const [at, byte] of [0x50, 0x61, 0x6c].entries()) {
      if (input[at] !== byte) return at
      counters[at + 1]++
    }
    if (input.length > 12) {
      counters[5]++
      throw new Broken(`it is ${input.length} bytes long`)
    }
    return 'through'
  },
}

const fuzzer = (target: Target, seed: number) => new Fuzzer({ target, seed, counters, literals: [], kept: [] })
const run = (it: Fuzzer, executions: number) => {
  it.run(() => it.executions >= executions)
  return it
}

describe('the fuzzer', () => {
  it('finds what lies behind bytes that it is only told of by the branches', () => {
    const found = run(fuzzer(maze, 1), 60_000)
    expect(found.findings.map(({ what }) => what)).toEqual([expect.stringMatching(/^it is \d+ bytes long$/)])
    expect(Buffer.from(found.findings[0].input).toString('hex')).toBe(`50616c${'00'.repeat(10)}`)
    expect(found.coverage.taken).toBe(5)
  })

  it('does the same for the same seed, and something else for another', () => {
    const told = [7, 7, 8].map((seed) => {
      const { executions, queue } = run(fuzzer(maze, seed), 5_000)
      return shown([executions, queue.entries.map(({ bytes }) => bytes)])
    })
    expect(told[0]).toBe(told[1])
    expect(told[2]).not.toBe(told[0])
  })

  it('begins with what was kept', () => {
    const kept = [Uint8Array.of(0x50, 0x61, 0x6c)]
    expect(new Fuzzer({ target: maze, seed: 1, counters, literals: [], kept }).coverage.taken).toBe(4)
  })

  it('takes work that grows faster than the input for a finding', () => {
    const slow: Target = {
      bytesMax: 64,
      seeds: () => [],
      work: { perByte: 20, fixed: 100 },
      run: ({ length }) => void (counters[0] += length * length),
    }
    const [{ what, input }] = run(fuzzer(slow, 1), 5_000).findings
    expect(what).toBe('more work than so many bytes are worth')
    // The smallest n with n * n > 100 + 20 * n.
    expect(input).toHaveLength(25)
  })

  it('takes what is thrown and is no error for a finding as well, and tells each kind once', () => {
    const throwing: Target = {
      bytesMax: 4,
      seeds: () => [],
      run({ length }) {
        counters[0]++
        // eslint-disable-next-line @typescript-eslint/only-throw-error
        throw length > 2 ? 'long' : new RangeError(`length ${length}`)
      },
    }
    expect(run(fuzzer(throwing, 1), 1_000).findings.map(({ what }) => what.replaceAll(/\d/g, 'N'))).toEqual([
      'length N',
      'threw long',
    ])
  })
})

describe('a thread that fuzzes', () => {
  const order = { name: 'stun', seed: 1, executionsMax: 3_000, timeMs: Infinity, isFresh: true, isSaving: true }

  it('counts the branches of the code under test, and finds the same each time', async () => {
    const reports = await Promise.all([fuzz(order), fuzz(order)])
    const [first, second] = reports.map(({ seconds, ...rest }) => ({ ...rest, isTimed: seconds > 0 }))
    expect(second).toEqual(first)
    expect(first).toMatchObject({ findings: [], isTimed: true })
    expect(first.taken).toBeGreaterThan(40)
    expect(first.known).toBeGreaterThan(first.taken)
  })

  it.each([
    ['hangs', 'one input takes longer than 300 ms'],
    ['dies', 'the thread ended with code 3'],
    ['fails', 'out of order'],
  ])('and that %s is ended, with the input in hand', async (name, what) => {
    const worker = new URL('./broken-worker.ts', import.meta.url)
    const { findings, executions } = await fuzz({ ...order, name }, { hangMs: 300, worker })
    expect([executions, findings]).toEqual([5, [{ what, stack: what, input: Uint8Array.of(1, 2, 3) }]])
  })

  it('and that keeps what it should forget is ended too', async () => {
    const worker = new URL('./broken-worker.ts', import.meta.url)
    const { findings } = await fuzz({ ...order, name: 'keeps everything' }, { heapMaxMb: 32, worker })
    expect(findings[0]).toMatchObject({
      what: expect.stringMatching(/memory/) as string,
      input: Uint8Array.of(1, 2, 3),
    })
  })

  it('is asked to end, and tells what it has', async () => {
    const { executions, findings } = await fuzz({ ...order, executionsMax: Infinity }, { stop: AbortSignal.abort() })
    expect(findings).toEqual([])
    expect(executions).toBeGreaterThan(0)
    const stop = new AbortController()
    const report = fuzz({ ...order, executionsMax: Infinity }, { stop: stop.signal })
    stop.abort()
    expect((await report).findings).toEqual([])
  })

  it('says which target there is not', async () => {
    const { findings } = await fuzz({ ...order, name: 'stunt' })
    expect(findings[0].what).toMatch(/^no fuzz target stunt; there are client-hello, /)
  })
})

describe('shrinking', () => {
  it('leaves what makes it fail', () => {
    const input = Uint8Array.from({ length: 100 }, (_, at) => at + 1)
    expect([...shrink(input, (bytes) => bytes.includes(7) && bytes.includes(80))]).toEqual([7, 80])
    expect([...shrink(input, (bytes) => bytes.length >= 3)]).toEqual([0, 0, 0])
    expect(shrink(input, () => true)).toHaveLength(0)
  })
})

describe('cuts', () => {
  it('are the same for the same bytes, rise, and give all of them', () => {
    const input = Uint8Array.from({ length: 500 }, (_, at) => (at * 7) & 0xff)
    expect(cutsOf(input)).toEqual(cutsOf(input.slice()))
    const cuts = cutsOf(input)
    expect(cuts.at(-1)).toBe(500)
    expect(cuts.every((end, at) => end > (cuts[at - 1] ?? 0))).toBe(true)
    expect(Buffer.concat(pieces(input))).toEqual(Buffer.from(input))
    expect(cutsOf(new Uint8Array(0))).toEqual([0])
  })
})

describe('oracles', () => {
  it('compare values of any kind', () => {
    const same: [unknown, unknown][] = [
      [{ a: 1, b: undefined }, { a: 1 }],
      [Buffer.of(1, 2), Uint8Array.of(1, 2)],
      [new Map([[1, [2n]]]), new Map([[1, [2n]]])],
      [NaN, NaN],
    ]
    for (const [a, b] of same) expect(() => mustBeSame(a, b, 'x')).not.toThrow()
    const other: [unknown, unknown][] = [
      [{ a: 1 }, { a: 1, b: 2 }],
      [[1, 2], [1]],
      [Uint8Array.of(1), Uint8Array.of(2)],
      [new Map([[1, 2]]), new Map([[1, 3]])],
      [undefined, null],
      [[], {}],
    ]
    for (const [a, b] of other) expect(() => mustBeSame(a, b, 'they differ')).toThrow(/^they differ: /)
    expect(() => must(false, 'no')).toThrow(new Broken('no'))
  })
})
