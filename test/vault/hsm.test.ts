import { describe, expect, it } from 'vitest'
import type { Match, SecretId, VaultFailure } from '../../src/core/ports.ts'
import { HsmVault } from '../../src/vault/hsm.ts'
import { probe } from '../../src/vault/known-answers.ts'
import { PinWatch } from '../../src/vault/pin-watch.ts'
import { helloFor } from './hellos.ts'
import { FakeToken } from '../../sim/world/token.ts'

const ANN = new Uint8Array(16).fill(1)
const BOB = new Uint8Array(16).fill(2)
const GONE = { code: 'CKR_DEVICE_ERROR', value: 0x30 }
const TEST_MS = 10_000

function scene() {
  const token = new FakeToken()
  token.keys.set('ann', ANN).set('bob', BOB)
  const told: string[] = []
  let now = 1000
  const probed = probe(token)
  if ('why' in probed) throw new Error(probed.why)
  const pin = new PinWatch(new Int32Array(1), { pid: 7, isAlive: () => true })
  const vault = new HsmVault({
    ...{ token, trialKey: probed.trialKey, now: () => now, wall: () => 0, pin },
    events: {
      onError: ({ code }) => told.push(code),
      onGone: () => told.push('gone'),
      onBack: () => told.push('back'),
      onPinRefused: () => told.push('pin refused'),
      onMissing: (label, fault) => told.push(`${label}: ${fault}`),
    },
  })
  vault.put(1, 'ann')
  vault.put(2, 'bob')
  const ask = (key: Uint8Array, candidates: readonly SecretId[] = [1, 2]) => {
    const answers: { match: Match | VaultFailure | undefined; trials: number }[] = []
    vault.match(helloFor(key), candidates, (match, trials) => answers.push({ match, trials }))
    expect(answers).toHaveLength(1)
    const { match, trials } = answers[0]
    return { trials, matched: typeof match === 'object' ? match.id : match }
  }
  const after = (ms: number) => {
    now += ms
    vault.tick()
  }
  return { token, vault, told, ask, after, pin }
}

describe('secrets in a token', () => {
  it('answers the first that fits, and how many were tried', () => {
    const { ask } = scene()
    expect(ask(BOB)).toEqual({ matched: 2, trials: 2 })
    expect(ask(new Uint8Array(16))).toEqual({ matched: undefined, trials: 2 })
    expect(ask(ANN, [7, 1])).toEqual({ matched: 1, trials: 1 })
  })

  it('tries once more where a session was at fault, and its client notices nothing', () => {
    const { token, ask, told } = scene()
    token.fail({ code: 'CKR_SESSION_HANDLE_INVALID', calls: 1 })
    expect(ask(ANN)).toEqual({ matched: 1, trials: 1 })
    expect(told).toEqual(['CKR_SESSION_HANDLE_INVALID'])
  })

  it('looks for a key anew whose copy is dead', () => {
    const { token, ask, vault } = scene()
    token.restart()
    expect(ask(ANN, [1])).toEqual({ matched: 1, trials: 1 })
    expect(vault.isReachable).toBe(true)
  })

  it('takes the key that a label names now, and keeps the one it has when there is none', () => {
    const { token, vault, ask } = scene()
    token.keys.set('ann', BOB).delete('bob')
    vault.put(1, 'ann')
    vault.put(2, 'bob')
    expect(ask(BOB, [1])).toEqual({ matched: 1, trials: 1 })
    expect(ask(BOB, [2])).toEqual({ matched: 2, trials: 1 })
    vault.remove(1)
    vault.remove(2)
    // The trial key alone.
    expect(token.copies).toBe(1)
  })

  it('says what is wrong with a label', () => {
    const { token, vault } = scene()
    expect(vault.faultOf('ann')).toBeUndefined()
    expect(vault.faultOf('eve')).toBe('there is none of that name')
    token.keys.delete('ann')
    expect(vault.faultOf('ann')).toContain('it is in use, and the token shows it no more')
    token.keys.set('ann', ANN)
    token.fail({ ...GONE, calls: 1 })
    expect(vault.faultOf('ann')).toBe('C_FindObjects: CKR_DEVICE_ERROR')
  })
})

describe('a token that fails', () => {
  it('is given up after three errors, and then answers at once that it cannot say', () => {
    const { token, vault, ask, told } = scene()
    token.fail(GONE)
    expect(ask(ANN)).toEqual({ matched: 'failed', trials: 0 })
    expect(told).toEqual(['CKR_DEVICE_ERROR', 'CKR_DEVICE_ERROR', 'CKR_DEVICE_ERROR', 'gone'])
    token.fail(undefined)
    expect(ask(ANN)).toEqual({ matched: 'failed', trials: 0 })
    vault.sign({ id: 1, generation: 0 }, [ANN], (mac) => expect(mac).toBeUndefined())
    expect(told).toHaveLength(4)
  })

  it('is not given up for errors that lie far apart', () => {
    const { token, vault, ask, after } = scene()
    for (let i = 0; i < 5; i++) {
      token.fail({ ...GONE, calls: 1 })
      expect(ask(ANN).matched).toBe(1)
      after(5001)
    }
    expect(vault.isReachable).toBe(true)
  })

  it('is given up for one wrong known answer', () => {
    const { token, vault, after, told } = scene()
    token.givesGarbage = true
    after(TEST_MS - 1)
    expect(vault.isReachable).toBe(true)
    after(1)
    expect(vault.isReachable).toBe(false)
    expect(told).toEqual(['gone'])
  })

  it('takes nobody for a stranger by wrong answers, but in the second behind a test that it passed', () => {
    const { token, ask, after, told } = scene()
    after(TEST_MS)
    token.givesGarbage = true
    after(1000)
    expect(ask(ANN).matched).toBeUndefined()
    after(1)
    expect(ask(ANN).matched).toBe('failed')
    expect(told).toEqual(['gone'])
  })

  it('is tested no more often than once a second for what strangers ask', () => {
    const { token, ask, after } = scene()
    const stranger = new Uint8Array(16)
    for (let ms = 0; ms < 5000; ms += 100) {
      ask(stranger)
      after(100)
    }
    // Two objects of the trial key, used once each in a test; a stranger costs a try of each secret.
    expect(token.uses).toBeLessThan(50 * 2 + 5 * 2 + 10)
    expect(token.uses).toBeGreaterThan(50 * 2)
  })

  it('is back when known answers are right again, with every secret', () => {
    const { token, vault, ask, after, told } = scene()
    token.givesGarbage = true
    after(TEST_MS)
    after(0)
    expect(token.restarts).toEqual(['ok'])
    expect(vault.isReachable).toBe(false)
    token.givesGarbage = false
    after(1000)
    expect(told).toEqual(['gone', 'back'])
    expect(ask(BOB)).toEqual({ matched: 2, trials: 2 })
  })

  it('is asked for less and less often while it stays away, and at least every half minute', () => {
    const { token, after } = scene()
    token.fail(GONE)
    after(TEST_MS)
    token.failRestart(GONE)
    for (let sec = 0; sec < 300; sec++) after(1000)
    const count = token.restarts.length
    expect(count).toBeGreaterThan(10)
    expect(count).toBeLessThan(16)
  })

  it('is never asked again with a PIN that it refused', () => {
    const { token, after, told } = scene()
    token.fail(GONE)
    after(TEST_MS)
    token.failRestart({ code: 'CKR_PIN_INCORRECT', value: 0xa0 })
    for (let sec = 0; sec < 100; sec++) after(1000)
    expect(token.restarts).toEqual(['CKR_PIN_INCORRECT'])
    expect(told).toEqual(['gone', 'pin refused'])
  })

  it('is not asked with a PIN that another process was refused with, nor while another one tries it', () => {
    const { token, after, told, pin } = scene()
    token.fail(GONE)
    after(TEST_MS)
    pin.begin()
    for (let sec = 0; sec < 100; sec++) after(1000)
    expect(token.restarts).toEqual([])
    pin.end(true)
    for (let sec = 0; sec < 100; sec++) after(1000)
    expect(token.restarts).toEqual([])
    expect(told).toEqual(['gone', 'pin refused'])
  })

  it('takes nobody for a stranger whose key did not come back with it, and finds that key later', () => {
    const { token, ask, after, told } = scene()
    token.givesGarbage = true
    after(TEST_MS)
    token.givesGarbage = false
    token.keys.delete('bob')
    after(0)
    expect(told).toEqual(['gone', 'bob: there is none of that name', 'back'])
    expect(ask(BOB)).toEqual({ matched: 'failed', trials: 1 })
    after(TEST_MS)
    token.keys.set('bob', BOB)
    after(TEST_MS)
    expect(ask(BOB)).toEqual({ matched: 2, trials: 2 })
    expect(told).toHaveLength(3)
  })

  it('takes labels that are in use for good while it is away, and no others', () => {
    const { token, vault, after } = scene()
    token.fail(GONE)
    after(TEST_MS)
    expect(vault.faultOf('ann')).toBeUndefined()
    expect(vault.faultOf('eve')).toBe('the token does not answer')
  })
})

describe('the probe', () => {
  it.each([
    ['fails', (token: FakeToken) => token.fail(GONE), 'C_CreateObject: CKR_DEVICE_ERROR'],
    ['answers wrong', (token: FakeToken) => (token.givesGarbage = true), 'another answer'],
    ['gives keys out', (token: FakeToken) => (token.isReadable = true), 'keeping a secret to itself'],
  ])('refuses a module that %s', (_what, spoil, why) => {
    const token = new FakeToken()
    spoil(token)
    const probed = probe(token)
    expect('why' in probed && probed.why).toContain(why)
  })
})
