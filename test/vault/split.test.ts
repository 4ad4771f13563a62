import { describe, expect, it } from 'vitest'
import type { Vault } from '../../src/core/ports.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { SplitVault } from '../../src/vault/split.ts'
import { helloFor } from './hellos.ts'

const key = (id: number) => new Uint8Array(16).fill(id)

/** Odd ids lie near, even ones far. */
function split(far: Vault) {
  const near = new MemoryVault()
  for (const id of [1, 3, 5]) near.put(id, key(id))
  return new SplitVault({ near, far, isFar: (id) => id % 2 === 0 })
}

function evens(later: (run: () => void) => void = (run) => run()) {
  const far = new MemoryVault({ later })
  for (const id of [2, 4, 6]) far.put(id, key(id))
  return far
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
  it('are tried in the order of the candidates, those that lie near first', () => {
    const vault = split(evens())
    const tried = [1, 2, 4, 5, 6].map((id) => ask(vault, id, [1, 3, 2, 4, 6, 5]))
    expect(tried).toEqual([[[1, 1]], [[2, 4]], [[4, 5]], [[5, 3]], [[6, 6]]])
    expect(ask(vault, 7, [1, 2, 3])).toEqual([[undefined, 3]])
    expect(ask(vault, 7, [])).toEqual([[undefined, 0]])
  })

  it('are one question far away, and none where one fits here', () => {
    const questions: (readonly number[])[] = []
    const even = evens()
    const vault = split({
      match: (hello, candidates, reply) => {
        questions.push(candidates)
        even.match(hello, candidates, reply)
      },
      sign: (id, parts, reply) => even.sign(id, parts, reply),
    })
    expect(ask(vault, 6, [2, 1, 4, 3, 6])).toEqual([[6, 5]])
    expect(ask(vault, 3, [2, 1, 4, 3, 6])).toEqual([[3, 2]])
    expect(questions).toEqual([[2, 4, 6]])
  })

  it('answer at once where the secret lies here, and when the far one has where it does not', () => {
    const waiting: (() => void)[] = []
    const vault = split(evens((run) => waiting.push(run)))
    expect(ask(vault, 1, [4, 1])).toEqual([[1, 1]])
    expect(waiting).toEqual([])
    const answers = ask(vault, 4, [1, 4])
    expect(answers).toEqual([])
    waiting.forEach((run) => run())
    expect(answers).toEqual([[4, 2]])
  })

  it('do not hide each other where one fails', () => {
    const vault = split(FAILS)
    expect(ask(vault, 3, [2, 4, 3])).toEqual([[3, 1]])
    expect(ask(vault, 4, [1, 2])).toEqual([['failed', 1]])
  })

  it('sign where they are', () => {
    const vault = split(evens())
    const macs: unknown[] = []
    for (const id of [1, 2, 8]) vault.sign({ id, generation: 0 }, [key(9)], (mac) => macs.push(mac?.length))
    expect(macs).toEqual([32, 32, undefined])
  })
})
