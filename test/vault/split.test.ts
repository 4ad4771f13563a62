import { describe, expect, it } from 'vitest'
import type { Vault } from '../../src/core/ports.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { SplitVault } from '../../src/vault/split.ts'
import { helloFor } from './hellos.ts'

const key = (id: number) => new Uint8Array(16).fill(id)

/** Odd ids in one vault, even ones in the other. */
function split(odd: Vault, later: (run: () => void) => void = (run) => run()) {
  const even = new MemoryVault({ later })
  for (const id of [2, 4, 6]) even.put(id, key(id))
  return new SplitVault((id) => (id % 2 === 0 ? even : odd))
}

function ask(vault: Vault, id: number, candidates: readonly number[]) {
  const answers: unknown[] = []
  vault.match(helloFor(key(id)), candidates, (match, trials) =>
    answers.push([typeof match === 'object' ? match.id : match, trials]),
  )
  return answers
}

const FAILS: Vault = {
  match: (_hello, _candidates, reply) => reply('failed', 0),
  sign: (_id, _parts, reply) => reply(undefined),
}

describe('secrets in two places', () => {
  const odd = new MemoryVault()
  for (const id of [1, 3, 5]) odd.put(id, key(id))

  it('are tried in the order of the candidates', () => {
    const vault = split(odd)
    for (const [id, trials] of [
      [1, 1],
      [2, 3],
      [4, 4],
      [5, 6],
      [6, 5],
    ])
      // prettier-ignore
      expect(ask(vault, id, [1, 3, 2, 4, 6, 5])).toEqual([[id, trials]])
    expect(ask(vault, 7, [1, 2, 3])).toEqual([[undefined, 3]])
    expect(ask(vault, 7, [])).toEqual([[undefined, 0]])
  })

  it('answer when the slower one has', () => {
    const waiting: (() => void)[] = []
    const vault = split(odd, (run) => waiting.push(run))
    const answers = ask(vault, 4, [1, 4])
    expect(answers).toEqual([])
    waiting.forEach((run) => run())
    expect(answers).toEqual([[4, 2]])
  })

  it('do not hide each other where one fails', () => {
    const vault = split(FAILS)
    expect(ask(vault, 4, [1, 3, 4])).toEqual([[4, 1]])
    expect(ask(vault, 4, [1, 2])).toEqual([['failed', 1]])
  })

  it('sign where they are', () => {
    const vault = split(odd)
    const macs: unknown[] = []
    for (const id of [1, 2, 8]) vault.sign({ id, generation: 0 }, [key(9)], (mac) => macs.push(mac?.length))
    expect(macs).toEqual([32, 32, undefined])
  })
})
