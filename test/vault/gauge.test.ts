import { describe, expect, it } from 'vitest'
import { GaugedVault } from '../../src/vault/gauge.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { helloFor } from './hellos.ts'

const ANN = new Uint8Array(16).fill(1)

function scene() {
  const held: (() => void)[] = []
  const memory = new MemoryVault({ later: (run) => void held.push(run) })
  memory.put(1, ANN)
  const told: unknown[][] = []
  let now = 1000
  const vault = new GaugedVault({
    vault: memory,
    meter: { answered: (...what) => void told.push(what) },
    now: () => now,
  })
  const answerAfter = (ms: number) => {
    now += ms
    for (const run of held.splice(0)) run()
  }
  return { vault, told, answerAfter }
}

describe('a vault that is measured', () => {
  it('tells what came of each question, and how long that took', () => {
    const { vault, told, answerAfter } = scene()
    const answers: unknown[] = []
    vault.match(helloFor(ANN), [1], (match, trials) => answers.push(typeof match === 'object' && match.id, trials))
    vault.match(helloFor(new Uint8Array(16)), [1], (match) => answers.push(match))
    expect([vault.asked, told]).toEqual([2, []])
    answerAfter(2.5)
    vault.sign({ id: 1, generation: 0 }, [ANN], (mac) => answers.push(mac?.length))
    vault.sign({ id: 7, generation: 0 }, [ANN], (mac) => answers.push(mac))
    answerAfter(1)
    expect(answers).toEqual([1, 1, undefined, 32, undefined])
    expect(told).toEqual([
      ['match', 'matched', 2.5],
      ['match', 'none', 2.5],
      ['sign', 'matched', 1],
      ['sign', 'failed', 1],
    ])
    expect(vault.asked).toBe(0)
  })

  it('tells of a vault that cannot say', () => {
    const told: unknown[][] = []
    const vault = new GaugedVault({
      vault: { match: (_hello, _candidates, reply) => reply('failed', 3), sign: () => {} },
      meter: { answered: (...what) => void told.push(what) },
      now: () => 5,
    })
    vault.match(helloFor(ANN), [1], (match, trials) => expect([match, trials]).toEqual(['failed', 3]))
    expect(told).toEqual([['match', 'failed', 0]])
  })
})
