import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { names } from '../../src/vault/generations.ts'
import { Keyring } from '../../src/vault/keyring.ts'
import { FakeShelf, keysIn } from './fake-shelf.ts'

const NOW = 1_800_000_000
const WEEK = 7 * 86_400
const key = (digit: number) => new Uint8Array(16).fill(digit)

function scene() {
  const shelf = new FakeShelf()
  const keyring = new Keyring(shelf)
  keyring.store('ann', key(1))
  const stateOf = (nowSec = NOW) => keyring.get('ann', nowSec)?.generations ?? []
  return { shelf, keyring, stateOf, keys: (nowSec = NOW) => keysIn(shelf, 'ann', nowSec) }
}

describe('secrets in a token and their generations', () => {
  it('a secret that was never rotated is as it was before there were generations', () => {
    const { shelf, stateOf } = scene()
    expect(shelf.objects.map(({ name }) => name)).toEqual(['ann', 'ann (hmac)'])
    expect(stateOf()).toEqual([{ number: 1, state: 'active' }])
  })

  it('a rotation makes a new one active, and lets the old one go on until its instant', () => {
    const { keyring, stateOf, keys } = scene()
    expect(keyring.rotate('ann', key(2), { overlapSec: WEEK, nowSec: NOW })).toBe(2)
    expect(stateOf()).toEqual([
      { number: 1, state: 'retiring', untilSec: NOW + WEEK },
      { number: 2, state: 'active' },
    ])
    expect([keys(), keys(NOW + WEEK - 1), keys(NOW + WEEK)]).toEqual([[2, 1], [2, 1], [2]])
    expect(stateOf(NOW + WEEK)[0]).toEqual({ number: 1, state: 'retired' })
  })

  it('one without an overlap retires the old one at once', () => {
    const { keyring, keys } = scene()
    keyring.rotate('ann', key(2), { overlapSec: 0, nowSec: NOW })
    expect(keys()).toEqual([2])
  })

  it('an overlap is ended early, for all that are retiring or for one', () => {
    const { keyring, keys } = scene()
    for (const digit of [2, 3]) keyring.rotate('ann', key(digit), { overlapSec: WEEK, nowSec: NOW })
    expect(keys()).toEqual([3, 2, 1])
    expect(keyring.retire('ann', NOW, 1)).toEqual([1])
    expect(keyring.retire('ann', NOW)).toEqual([2])
    expect(keyring.retire('ann', NOW)).toEqual([])
    expect(keys()).toEqual([3])
  })

  it('no more are in use at once than strangers may cost us', () => {
    const { keyring } = scene()
    for (const digit of [2, 3, 4]) keyring.rotate('ann', key(digit), { overlapSec: WEEK, nowSec: NOW })
    expect(() => keyring.rotate('ann', key(5), { overlapSec: WEEK, nowSec: NOW })).toThrow('4 generations are in use')
    expect(keyring.rotate('ann', key(5), { overlapSec: WEEK, nowSec: NOW + WEEK })).toBe(5)
  })

  it('no more are kept than a record has room for', () => {
    const { keyring } = scene()
    for (let digit = 2; digit <= 16; digit++) keyring.rotate('ann', key(digit), { overlapSec: 0, nowSec: NOW })
    expect(() => keyring.rotate('ann', key(17), { overlapSec: 0, nowSec: NOW })).toThrow('it has 16 generations')
    keyring.destroy('ann', 1)
    expect(keyring.rotate('ann', key(17), { overlapSec: 0, nowSec: NOW })).toBe(17)
  })

  it('what is to be destroyed lets nobody in before it is gone, and goes with its record', () => {
    const { keyring, shelf, keys } = scene()
    keyring.rotate('ann', key(2), { overlapSec: WEEK, nowSec: NOW })
    keyring.condemn('ann', 2)
    expect(keys()).toEqual([1])
    keyring.destroy('ann', 2)
    expect(keys()).toEqual([1])
    keyring.condemn('ann')
    expect(keys()).toEqual([])
    expect(keyring.usable('ann')).toEqual([])
    keyring.destroy('ann')
    expect(shelf.objects).toEqual([])
    expect(keyring.usable('ann')).toEqual({ fault: 'there is none of that name' })
  })

  it('the last generation takes the record with it', () => {
    const { keyring, shelf } = scene()
    keyring.condemn('ann', 1)
    keyring.destroy('ann', 1)
    expect(shelf.objects).toEqual([])
  })

  it('a generation is restored where none is in use, and only there', () => {
    const { keyring, keys } = scene()
    expect(keyring.restore('ann', 1, key(1), NOW)).toBe(false)
    expect(() => keyring.restore('ann', 2, key(2), NOW)).toThrow('generation 1 of it, which is in use')
    expect(keyring.restore('bob', 7, key(3), NOW)).toBe(true)
    expect(keyring.get('bob', NOW)?.generations).toEqual([{ number: 7, state: 'active' }])
    expect(keyring.rotate('bob', key(4), { overlapSec: 0, nowSec: NOW })).toBe(8)
    keyring.condemn('ann')
    expect(keyring.restore('ann', 1, key(1), NOW)).toBe(true)
    expect(keys()).toEqual([1])
  })

  it('what is not there is neither rotated nor anything else', () => {
    const { keyring } = scene()
    expect(() => keyring.rotate('eve', key(2), { overlapSec: 0, nowSec: NOW })).toThrow('there is none of that name')
    expect(keyring.retire('eve', NOW)).toEqual([])
    expect(keyring.get('eve', NOW)).toBeUndefined()
  })

  it('a record that cannot be read shuts the secret, and is named', () => {
    const { keyring, shelf, stateOf } = scene()
    shelf.create({ name: names.record('ann'), id: Buffer.from('palisade 3 ann 2:sleeping'), part: 'record' })
    expect(keyring.usable('ann')).toEqual({ fault: 'its record is of no version that we know' })
    expect(stateOf()).toEqual([{ number: 1, state: 'active', fault: 'its record is of no version that we know' }])
    expect(() => keyring.rotate('ann', key(2), { overlapSec: 0, nowSec: NOW })).toThrow('no version')
    keyring.destroy('ann')
    expect(shelf.objects).toEqual([])
  })

  it('of two commands at one moment the slower one takes back what it made', () => {
    const { keyring, shelf, keys } = scene()
    const create = shelf.create.bind(shelf)
    let isFirst = true
    shelf.create = (plan) => {
      create(plan)
      // The other one comes in between.
      if (isFirst && plan.part === 'hmac') {
        isFirst = false
        shelf.create({ name: names.record('ann'), id: Buffer.from('palisade 1 ann 1:active'), part: 'record' })
      }
    }
    expect(() => keyring.rotate('ann', key(2), { overlapSec: WEEK, nowSec: NOW })).toThrow('another command')
    expect(keys()).toEqual([1])
    expect(shelf.objects.map(({ name }) => name)).toEqual(['ann', 'ann (hmac)', 'ann (state)'])
  })
})

type Change = (keyring: Keyring<FakeShelf['objects'][number]>) => void
const rotate: Change = (keyring) => keyring.rotate('ann', key(9), { overlapSec: WEEK, nowSec: NOW })
const CHANGES: Readonly<Record<string, Change>> = {
  rotate,
  'rotate at once': (keyring) => keyring.rotate('ann', key(9), { overlapSec: 0, nowSec: NOW }),
  retire: (keyring) => keyring.retire('ann', NOW),
  'destroy one': (keyring) => {
    keyring.condemn('ann', 1)
    keyring.destroy('ann', 1)
  },
  'destroy all': (keyring) => {
    keyring.condemn('ann')
    keyring.destroy('ann')
  },
  restore: (keyring) => keyring.restore('bob', 3, key(9), NOW),
}
/** More than any of these takes. */
const STEPS = 16

describe('a change that is interrupted', () => {
  test.prop([fc.constantFrom(...Object.keys(CHANGES)), fc.nat(3), fc.nat(STEPS)], { numRuns: 500 })(
    'is done or not for whoever comes, whole after a second try, and leaves nothing behind',
    (name, rotations, steps) => {
      const { shelf, keyring } = scene()
      for (let digit = 2; digit < 2 + Math.min(rotations, 2); digit++)
        keyring.rotate('ann', key(digit), { overlapSec: WEEK, nowSec: NOW })
      const inBy = () => [keysIn(shelf, 'ann', NOW), keysIn(shelf, 'bob', NOW)]
      const before = inBy()
      const start = [...shelf.objects]
      CHANGES[name](keyring)
      const after = inBy()
      const whole = shelf.objects.length
      expect(shelf.stepsLeft).toBe(Infinity)

      shelf.objects = start
      shelf.stepsLeft = steps
      try {
        CHANGES[name](keyring)
      } catch {
        // Killed, so to speak.
      }
      expect([before, after]).toContainEqual(inBy())
      const isDone = JSON.stringify(inBy()) === JSON.stringify(after)
      shelf.stepsLeft = Infinity
      // Whoever rotates again has one generation more: what is there may have been shown to nobody.
      if (!(isDone && name.startsWith('rotate'))) CHANGES[name](keyring)
      expect(inBy()).toEqual(after)
      if (!isDone || !name.startsWith('rotate')) expect(shelf.objects).toHaveLength(whole)
      const states = keyring.get('ann', NOW)?.generations ?? []
      expect(states.filter(({ state, fault }) => state === 'created' || fault !== undefined)).toEqual([])
    },
  )
})
