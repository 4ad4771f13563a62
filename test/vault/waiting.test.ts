import { describe, expect, it } from 'vitest'
import type { Match, Vault, VaultFailure } from '../../src/core/ports.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { WAITING_MAX, WaitingVault } from '../../src/vault/waiting.ts'
import { helloFor } from './hellos.ts'

const ANN = new Uint8Array(16).fill(1)
const HELLO = helloFor(ANN)
const WAIT_MS = 3000

type Answer = number | VaultFailure | undefined

/** A vault that fails or answers as it is told to, at once or when `release` is called. */
function scene() {
  const memory = new MemoryVault()
  memory.put(1, ANN)
  const state = { now: 1000, isReachable: true, fails: 0, asked: 0 }
  const held: (() => void)[] = []
  let holds = false
  const soon = (run: () => void) => void (holds ? held.push(run) : run())
  const inner: Vault = {
    match(hello, candidates, reply) {
      state.asked++
      if (state.fails > 0) state.fails--
      else if (state.isReachable) return soon(() => memory.match(hello, candidates, reply))
      soon(() => reply('failed', 1))
    },
    sign(key, parts, reply) {
      if (state.isReachable) memory.sign(key, parts, reply)
      else reply(undefined)
    },
  }
  const vault = new WaitingVault({
    ...{ vault: inner, isReachable: () => state.isReachable, now: () => state.now, waitMs: WAIT_MS },
  })
  const answers: Answer[] = []
  const trials: number[] = []
  const ask = () =>
    vault.match(HELLO, [1], (match: Match | VaultFailure | undefined, spent) => {
      answers.push(typeof match === 'object' ? match.id : match)
      trials.push(spent)
    })
  const after = (ms: number) => {
    state.now += ms
    vault.tick()
  }
  const hold = () => (holds = true)
  const release = () => {
    holds = false
    for (const run of held.splice(0)) run()
  }
  return { state, vault, answers, trials, ask, after, hold, release }
}

describe('a vault that sits out an outage', () => {
  it('answers at once while the one below does, whatever it answers', () => {
    const { vault, answers, ask } = scene()
    ask()
    vault.match(helloFor(new Uint8Array(16)), [1], (match) => answers.push(match as undefined))
    expect(answers).toEqual([1, undefined])
    expect(vault.size).toBe(0)
  })

  it('keeps what fails, and asks again when the one below is back', () => {
    const { vault, state, answers, trials, ask, after } = scene()
    state.isReachable = false
    ask()
    for (let i = 0; i < 10; i++) after(100)
    expect(answers).toEqual([])
    expect([vault.size, state.asked]).toEqual([1, 1])
    state.isReachable = true
    after(100)
    expect(answers).toEqual([1])
    // Those of both times.
    expect(trials).toEqual([2])
    expect(vault.size).toBe(0)
  })

  it('says that it failed when the time is over, no sooner and once', () => {
    const { state, answers, ask, after } = scene()
    state.isReachable = false
    ask()
    after(WAIT_MS - 1)
    expect(answers).toEqual([])
    after(1)
    after(1)
    state.isReachable = true
    after(1)
    expect(answers).toEqual(['failed'])
  })

  it('asks a vault that answers others once more, and not for ever', () => {
    const { state, answers, ask, after } = scene()
    state.fails = 1
    ask()
    after(1)
    expect(answers).toEqual([1])
    state.fails = 2
    ask()
    after(1)
    expect(answers).toEqual([1, 'failed'])
    expect(state.asked).toBe(4)
  })

  it('keeps a question that fails again because the vault went again', () => {
    const { vault, state, answers, ask, after, hold, release } = scene()
    state.isReachable = false
    ask()
    state.isReachable = true
    state.fails = 1
    hold()
    after(1)
    state.isReachable = false
    release()
    expect([answers.length, vault.size]).toEqual([0, 1])
    state.isReachable = true
    after(1)
    expect(answers).toEqual([1])
  })

  it('gives up a question whose time is over while it is asked again', () => {
    const { state, answers, ask, after, hold, release } = scene()
    state.isReachable = false
    ask()
    state.isReachable = true
    state.fails = 1
    hold()
    after(1)
    state.isReachable = false
    after(WAIT_MS)
    release()
    expect(answers).toEqual(['failed'])
  })

  it('keeps so many and no more; those beyond are told at once', () => {
    const { vault, state, answers, ask, after } = scene()
    state.isReachable = false
    for (let i = 0; i < WAITING_MAX; i++) ask()
    expect(answers).toEqual([])
    ask()
    expect(answers).toEqual(['failed'])
    expect(vault.size).toBe(WAITING_MAX)
    state.isReachable = true
    after(1)
    // Not all in one turn.
    expect(answers.length).toBeLessThan(WAITING_MAX / 4)
    for (let i = 0; i < 20; i++) after(1)
    expect(answers.filter((answer) => answer === 1)).toHaveLength(WAITING_MAX)
  })

  it('has room again as soon as one has been answered, for what the answer asks in turn', () => {
    const { vault, state, after } = scene()
    state.isReachable = false
    const seen: Answer[] = []
    const again = () => vault.match(HELLO, [1], (match) => seen.push(match as VaultFailure))
    vault.match(HELLO, [1], again)
    for (let i = 1; i < WAITING_MAX; i++) vault.match(HELLO, [1], () => {})
    after(WAIT_MS)
    expect(seen).toEqual([])
    after(WAIT_MS)
    expect(seen).toEqual(['failed'])
  })

  it('signs later as well', () => {
    const { vault, state, after } = scene()
    state.isReachable = false
    const macs: (Uint8Array | undefined)[] = []
    vault.sign({ id: 1, generation: 0 }, [ANN], (mac) => macs.push(mac))
    after(1)
    state.isReachable = true
    after(1)
    expect(macs.map((mac) => mac?.length)).toEqual([32])
    state.isReachable = false
    vault.sign({ id: 1, generation: 0 }, [ANN], (mac) => macs.push(mac))
    after(WAIT_MS)
    expect(macs[1]).toBeUndefined()
  })
})
