import { describe, expect, it } from 'vitest'
import { readAnswer } from '../../../src/vault/helper/answers.ts'
import { HelperDesk, IDS_MAX, LabelBook } from '../../../src/vault/helper/desk.ts'
import { forgetFrame, matchFrame, signFrame, useFrame } from '../../../src/vault/helper/requests.ts'
import { helloFor } from '../hellos.ts'
import { LabelledMemory } from './world.ts'

const KEY = new Uint8Array(16).fill(5)

function open() {
  const vault = new LabelledMemory()
  for (const label of ['ann', 'bob']) vault.keys.set(label, label === 'ann' ? KEY : new Uint8Array(16))
  const book = new LabelBook(vault)
  const desk = () => {
    const said: Uint8Array[] = []
    const one = new HelperDesk({
      vault,
      book,
      now: () => 0,
      random: () => undefined,
      onListen: () => {},
      write: (frame) => said.push(frame),
    })
    return {
      hear: (...frames: (Uint8Array | undefined)[]) => frames.every((frame) => one.heard(frame!)),
      answers: () => said.splice(0).map((frame) => readAnswer(frame.subarray(4))),
      close: () => one.close(),
    }
  }
  return { vault, desk, inUse: () => [...vault.inUse.values()].sort() }
}

describe("the helper's desk", () => {
  it('has a label once for all who use it, until the last of them is gone', () => {
    const { desk, inUse } = open()
    const [a, b] = [desk(), desk()]
    a.hear(useFrame(1, 'ann'), useFrame(2, 'bob'), useFrame(1, 'ann'))
    b.hear(useFrame(9, 'ann'))
    expect(inUse()).toEqual(['ann', 'bob'])
    a.hear(forgetFrame(1), forgetFrame(1), forgetFrame(7))
    expect(inUse()).toEqual(['ann', 'bob'])
    b.close()
    expect(inUse()).toEqual(['bob'])
    a.close()
    expect(inUse()).toEqual([])
  })

  it('knows ids of one connection on that one alone', () => {
    const { desk } = open()
    const [a, b] = [desk(), desk()]
    a.hear(useFrame(1, 'ann'))
    b.hear(useFrame(1, 'bob'), matchFrame(5, 1, [1, 2], helloFor(KEY)))
    a.hear(matchFrame(6, 1, [2, 1], helloFor(KEY)))
    expect(b.answers()).toEqual([{ kind: 'none', ask: 5, trials: 1 }])
    expect(a.answers()).toMatchObject([{ kind: 'found', ask: 6, trials: 1, index: 1 }])
  })

  it('takes an id for another secret when it is told so', () => {
    const { desk, inUse } = open()
    const one = desk()
    one.hear(useFrame(1, 'bob'), useFrame(1, 'ann'), matchFrame(1, 1, [1], helloFor(KEY)))
    expect(inUse()).toEqual(['ann'])
    expect(one.answers()).toMatchObject([{ kind: 'found', index: 0 }])
  })

  it('does nothing for whoever has stopped waiting', () => {
    const { desk } = open()
    const one = desk()
    one.hear(
      useFrame(1, 'ann'),
      matchFrame(1, 0, [1], helloFor(KEY)),
      signFrame(2, -1, { id: 1, generation: 0 }, [KEY]),
    )
    expect(one.answers()).toEqual([
      { kind: 'failed', ask: 1, trials: 0 },
      { kind: 'none', ask: 2, trials: 0 },
    ])
  })

  it('cuts off whoever talks nonsense, or has more secrets than there can be', () => {
    const { desk } = open()
    expect(desk().hear(Uint8Array.of(1, 0, 0, 0, 77))).toBe(false)
    const one = desk()
    for (let id = 0; id < IDS_MAX; id++) expect(one.hear(useFrame(id, 'ann'))).toBe(true)
    expect(one.hear(useFrame(0, 'bob'))).toBe(true)
    expect(one.hear(useFrame(IDS_MAX, 'ann'))).toBe(false)
  })
})
