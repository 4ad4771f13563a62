import { stripTypeScriptTypes } from 'node:module'
import { compileFunction } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { instrument } from '../../../sim/fuzz/instrument.ts'
import { listFiles, readText } from '../../tidy/source.ts'

type Toy = (...args: readonly unknown[]) => unknown

/** Runs `toy(...args)` of a text with counters; how often each branch was taken, and what came of it. */
function run(text: string, ...args: readonly unknown[]) {
  const { text: counted, branches } = instrument(text, 'toy.ts', 0, 'x')
  const counters = new Uint32Array(branches)
  const body = counted.slice(counted.indexOf(';') + 1)
  const make = compileFunction(`${body}\nreturn toy`, ['__branch']) as (counters: Uint32Array) => Toy
  const toy = make(counters)
  return { counts: [...counters], result: toy(...args), after: () => [...counters] }
}

describe('counting branches', () => {
  it('counts both arms of a condition, also the one that is not written', () => {
    const text = 'function toy(a) { if (a > 1) return 1\n if (a > 0) { return 2 } else if (a < 0) a = 7\n return a }'
    const taken = [5, 1, 0, -1].map((a) => {
      const { result, after } = run(text, a)
      return [result, after().join('')]
    })
    expect(taken).toEqual([
      [1, '101000'],
      [2, '110100'],
      [0, '110010'],
      [7, '110001'],
    ])
  })

  it('counts turns of loops, cases, and expressions with two ways', () => {
    const loop = run('function toy(n) { let s = 0; for (let i = 0; i < n; i++) s += i; return s }', 4)
    expect([loop.result, loop.after()]).toEqual([6, [1, 4]])
    const text =
      'function toy(a) { switch (a) { case 1: case 2: return "x"; default: return a ? (a ?? 0) || 3 : (() => a && 1)() } }'
    expect(run(text, 1).result).toBe('x')
    expect(run(text, 0).result).toBe(0)
    expect(run(text, 9).result).toBe(9)
    const [one, zero] = [1, 0].map((a) => {
      const ran = run(text, a)
      return ran.after().join('')
    })
    expect(one).not.toBe(zero)
  })

  it('leaves lines where they are, and tells what the code compares with', () => {
    const text =
      "import { a } from './a.ts'\nexport function b(x: string): number {\n  return x === 'GET ' ? 0x1603 : 2\n}\n"
    const { text: counted, literals } = instrument(text, 'b.ts', 3, './counters.ts')
    expect(counted.split('\n')).toHaveLength(text.split('\n').length)
    expect(counted).toContain('__branch[3]++')
    expect(literals).toEqual(['GET ', 0x1603, 2])
  })

  it('makes no file of ours one that cannot be read', () => {
    const files = listFiles().filter((path) => /^src\/.*\.ts$/.test(path))
    expect(files.length).toBeGreaterThan(200)
    for (const path of files) {
      const { text } = instrument(readText(path), path, 0, 'x')
      expect(() => stripTypeScriptTypes(text), path).not.toThrow()
    }
  })
})
