import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import type { KeyRef, Match, VaultFailure } from '../../src/core/ports.ts'
import { HsmVault } from '../../src/vault/hsm.ts'
import { Keyring, KeyringFault } from '../../src/vault/keyring.ts'
import { probe } from '../../src/vault/known-answers.ts'
import { PinWatch } from '../../src/vault/pin-watch.ts'
import { seeded } from '../core/seeded.ts'
import { clientHelloFor, helloFor } from './hellos.ts'
import { FakeShelf, generationsIn } from './fake-shelf.ts'
import { FakeToken } from '../../sim/world/token.ts'

const LABEL = 'ann'
const START = 1_800_000_000
const WEEK = 7 * 86_400
const MINUTE_MS = 60_000
const key = (digit: number) => new Uint8Array(16).fill(digit)

/** A vault on a token whose secrets are changed as commands do. */
function scene() {
  const shelf = new FakeShelf()
  const keyring = new Keyring(shelf)
  const token = new FakeToken()
  token.generationsOf = (label) => generationsIn(shelf, label)
  const probed = probe(token)
  if ('why' in probed) throw new Error(probed.why)
  const clock = { wall: START, mono: 0 }
  const told: string[] = []
  const vault = new HsmVault({
    ...{ token, trialKey: probed.trialKey, now: () => clock.mono, wall: () => clock.wall },
    pin: new PinWatch(new Int32Array(1), { pid: 7, isAlive: () => true }),
    events: {
      onError: ({ code }) => told.push(code),
      onGone: () => told.push('gone'),
      onBack: () => told.push('back'),
      onPinRefused: () => told.push('pin refused'),
      onMissing: (_label, fault) => told.push(fault),
    },
  })
  const match = (digit: number) => {
    const answers: { match: Match | VaultFailure | undefined; trials: number }[] = []
    const hello = clientHelloFor(key(digit), START, seeded(digit))
    vault.match(hello, [1], (found, trials) => answers.push({ match: found, trials }))
    expect(answers).toHaveLength(1)
    return answers[0]
  }
  return {
    shelf,
    keyring,
    token,
    vault,
    clock,
    told,
    match,
    gets: (digit: number) => typeof match(digit).match === 'object',
  }
}

function macOf(vault: HsmVault, ref: KeyRef): string | undefined {
  let hex: string | undefined
  vault.sign(ref, [key(0)], (mac) => (hex = mac && Buffer.from(mac).toString('hex')))
  return hex
}

function refOf({ match }: { readonly match: Match | VaultFailure | undefined }): KeyRef {
  if (typeof match !== 'object' || match.kind !== 'client-hello') throw new Error('no match')
  return match
}

describe('a secret with several generations', () => {
  it('is tried with the active one first, and each try is a trial', () => {
    const { keyring, vault, match } = scene()
    keyring.store(LABEL, key(1))
    keyring.rotate(LABEL, key(2), { overlapSec: WEEK, nowSec: START })
    vault.put(1, LABEL)
    expect([match(2).trials, match(1).trials, match(3)]).toEqual([1, 2, { match: undefined, trials: 2 }])
    let trials = 0
    vault.match(helloFor(key(1)), [1], (_match, spent) => (trials = spent))
    expect(trials).toBe(2)
  })

  it('signs with the generation that fitted', () => {
    const { keyring, vault, match } = scene()
    keyring.store(LABEL, key(1))
    vault.put(1, LABEL)
    const old = macOf(vault, refOf(match(1)))
    keyring.rotate(LABEL, key(2), { overlapSec: WEEK, nowSec: START })
    vault.put(1, LABEL)
    expect(macOf(vault, refOf(match(1)))).toBe(old)
    expect(macOf(vault, refOf(match(2)))).not.toBe(old)
  })

  it('lets nobody in by a retiring one from its instant on, without a reload', () => {
    const { keyring, vault, clock, gets } = scene()
    keyring.store(LABEL, key(1))
    keyring.rotate(LABEL, key(2), { overlapSec: WEEK, nowSec: START })
    vault.put(1, LABEL)
    clock.wall = START + WEEK - 1
    expect([gets(1), gets(2)]).toEqual([true, true])
    clock.wall++
    expect([gets(1), gets(2)]).toEqual([false, true])
  })

  it('finishes a handshake whose generation a reload took away, and forgets it a minute later', () => {
    const { keyring, vault, clock, match, token, gets } = scene()
    keyring.store(LABEL, key(1))
    vault.put(1, LABEL)
    const ref = refOf(match(1))
    const mac = macOf(vault, ref)
    keyring.rotate(LABEL, key(2), { overlapSec: 0, nowSec: START })
    vault.put(1, LABEL)
    expect(gets(1)).toBe(false)
    expect(macOf(vault, ref)).toBe(mac)
    // The trial key, the new generation, and the one that leaves.
    expect(token.copies).toBe(3)
    clock.mono += MINUTE_MS
    vault.tick()
    expect(macOf(vault, ref)).toBeUndefined()
    expect(token.copies).toBe(2)
    vault.remove(1)
    expect(token.copies).toBe(1)
  })

  it('lets nobody in where all are retired, which is told, and is nothing that refuses a configuration', () => {
    const { keyring, vault, told, match } = scene()
    keyring.store(LABEL, key(1))
    vault.put(1, LABEL)
    keyring.condemn(LABEL)
    expect(vault.faultOf(LABEL)).toBeUndefined()
    vault.put(1, LABEL)
    expect(told).toEqual(['all its generations are retired'])
    expect(match(1)).toEqual({ match: undefined, trials: 0 })
    keyring.destroy(LABEL)
    expect(vault.faultOf(LABEL)).toBe('there is none of that name')
  })

  it('keeps what it has where the token cannot be asked', () => {
    const { keyring, vault, token, gets } = scene()
    keyring.store(LABEL, key(1))
    vault.put(1, LABEL)
    keyring.rotate(LABEL, key(2), { overlapSec: 0, nowSec: START })
    token.fail({ code: 'CKR_DEVICE_ERROR', calls: 1 })
    vault.put(1, LABEL)
    expect([gets(1), gets(2)]).toEqual([true, false])
  })
})

type Step =
  | { readonly act: 'generate' | 'reload' | 'retire' }
  | { readonly act: 'rotate'; readonly overlapSec: number }
  | { readonly act: 'destroy'; readonly at: number }
  | { readonly act: 'time'; readonly sec: number }

const arbStep: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom<Step>({ act: 'generate' }, { act: 'reload' }, { act: 'retire' }),
  fc.constantFrom(0, 60, WEEK).map((overlapSec): Step => ({ act: 'rotate', overlapSec })),
  fc.nat(20).map((at): Step => ({ act: 'destroy', at })),
  fc.constantFrom(1, 59, 60, WEEK).map((sec): Step => ({ act: 'time', sec })),
)

/** Slow and obvious: which key gets in until when. */
class Model {
  keys: { readonly digit: number; readonly number: number; until: number }[] = []

  generate(digit: number): void {
    if (this.keys.length === 0) this.keys.push({ digit, number: 1, until: Infinity })
  }
  rotate(digit: number, overlapSec: number, now: number): void {
    const usable = this.keys.filter(({ until }) => now < until).length
    if (this.keys.length === 0 || this.keys.length >= 16 || (overlapSec > 0 && usable >= 4)) return
    for (const one of this.keys) if (one.until === Infinity) one.until = now + overlapSec
    this.keys.push({ digit, number: Math.max(...this.keys.map(({ number }) => number)) + 1, until: Infinity })
  }
  retire(now: number): void {
    for (const one of this.keys) if (one.until !== Infinity && one.until > now) one.until = now
  }
  destroy(number: number): void {
    this.keys = this.keys.filter((one) => one.number !== number)
  }
  letsIn(digit: number, now: number): boolean {
    return this.keys.some((one) => one.digit === digit && now < one.until)
  }
}

describe('whatever is done to a secret, in whatever order', () => {
  test.prop([fc.array(arbStep, { maxLength: 40 })])('those get in whom a simple model lets in', (steps) => {
    const { keyring, vault, clock, gets } = scene()
    const model = new Model()
    /** What the vault was told last. */
    let known = model.keys.map((one) => ({ ...one }))
    const byModel = (digit: number) => known.some((one) => one.digit === digit && clock.wall < one.until)
    const reload = () => {
      // A label that is gone is refused at a reload: the proxy goes on with what it has.
      if (model.keys.length === 0) return
      vault.put(1, LABEL)
      known = model.keys.map((one) => ({ ...one }))
    }
    let digit = 0
    for (const step of steps) {
      switch (step.act) {
        case 'generate':
          keyring.store(LABEL, key(++digit))
          model.generate(digit)
          break
        case 'rotate':
          refusable(() => keyring.rotate(LABEL, key(++digit), { overlapSec: step.overlapSec, nowSec: clock.wall }))
          model.rotate(digit, step.overlapSec, clock.wall)
          break
        case 'retire':
          keyring.retire(LABEL, clock.wall)
          model.retire(clock.wall)
          break
        case 'destroy':
          keyring.condemn(LABEL, step.at)
          keyring.destroy(LABEL, step.at)
          model.destroy(step.at)
          break
        case 'time':
          clock.wall += step.sec
          break
        case 'reload':
          reload()
      }
      for (let one = 1; one <= digit; one++) expect(gets(one), `key ${one} after ${step.act}`).toBe(byModel(one))
    }
    reload()
    for (let one = 1; one <= digit; one++)
      expect(gets(one)).toBe(model.keys.length > 0 ? model.letsIn(one, clock.wall) : byModel(one))
  })
})

function refusable(act: () => unknown): void {
  try {
    act()
  } catch (error) {
    if (!(error instanceof KeyringFault)) throw error
  }
}
