import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ProxyEvent } from '../../../../src/core/events.ts'
import { BIN_MS } from '../../../../src/core/guard/detectors/bin.ts'
import { AttackWatch } from '../../../../src/core/guard/detectors/watch.ts'
import { Memory } from '../scene.ts'

const START_MS = 1_000_000

function watching(memory = new Memory(), columns = 1) {
  const told: string[] = []
  const emit = (event: ProxyEvent) => void (event.kind === 'attack' && told.push(`${event.detector} ${event.state}`))
  const watches = Array.from(
    { length: columns },
    (_, column) => new AttackWatch({ memory, worker: { column, columns }, emit, nowMs: START_MS }),
  )
  const [watch] = watches
  let nowMs = START_MS
  const bins = (count: number, fill: () => void) => {
    for (let i = 0; i < count; i++) {
      fill()
      watch.advance((nowMs += BIN_MS))
    }
  }
  const each = (count: number, what: () => void) => {
    for (let i = 0; i < count; i++) what()
  }
  const strangers = (good: number, bad: number, areNew = true) => {
    each(good + bad, () => watch.arrived())
    each(good, () => watch.succeeded())
    each(bad, () => watch.failed(areNew))
  }
  return { watch, watches, told, bins, each, strangers }
}

describe('the watch for attacks by many', () => {
  it('sees many sources fail, in two bins, and sees it end within two minutes', () => {
    const { watch, told, bins, strangers } = watching()
    bins(60, () => strangers(20, 2))
    expect([watch.isAttack, told]).toEqual([false, []])
    bins(1, () => strangers(20, 400))
    expect(watch.isAttack).toBe(false)
    bins(1, () => strangers(20, 400))
    expect(watch.isAttack).toBe(true)
    expect(watch.seen).toEqual(['arrivals', 'failures', 'spread'])
    bins(100, () => strangers(20, 400))
    bins(23, () => strangers(20, 2))
    expect([watch.isAttack, watch.seen]).toEqual([false, []])
    expect(told.map((each) => each.split(' ')[1])).toEqual(['begun', 'begun', 'begun', 'over', 'over', 'over'])
  })

  it('goes on seeing it when the same sources fail again and again', () => {
    const { watch, bins, strangers } = watching()
    bins(3, () => strangers(20, 400))
    bins(60, () => strangers(20, 400, false))
    expect([watch.isAttack, watch.seen.includes('failures')]).toEqual([true, true])
  })

  it('takes a crowd of people for no attack, nor a few scanners a second', () => {
    const { watch, bins, strangers, told } = watching()
    bins(10, () => strangers(5, 1))
    bins(20, () => strangers(3_000, 40, false))
    expect(watch.isAttack).toBe(false)
    expect(told).toEqual(['arrivals begun'])
    const quiet = watching()
    quiet.bins(200, () => quiet.strangers(0, 7))
    expect(quiet.told).toEqual([])
  })

  it('gets used to what stays for long without more, but not to an attack', () => {
    const { watch, bins, strangers } = watching()
    for (let level = 0; level < 60; level++) bins(20, () => strangers(0, level))
    expect(watch.isAttack).toBe(false)
    bins(2, () => strangers(0, 200))
    expect(watch.isAttack).toBe(true)
    bins(200, () => strangers(0, 200))
    expect(watch.isAttack).toBe(true)
  })

  it('counts over all workers, each bin once, whoever closes it', () => {
    const model = fc.array(
      fc.record({ by: fc.nat(2), what: fc.constantFrom('fail', 'advance'), afterMs: fc.nat(4_000) }),
    )
    fc.assert(
      fc.property(model, (steps) => {
        const one = watching()
        const many = watching(new Memory(), 3)
        let nowMs = START_MS
        for (const { by, what, afterMs } of [...steps, { by: 0, what: 'advance', afterMs: 600_000 }]) {
          nowMs += afterMs
          if (what === 'fail') {
            one.each(300, () => one.watch.failed(true))
            many.each(300, () => many.watches[by].failed(true))
          } else {
            one.watch.advance(nowMs)
            many.watches[by].advance(nowMs)
          }
          expect(many.watches[by].isAttack).toBe(one.watch.isAttack)
        }
        expect(many.told).toEqual(one.told)
        expect(one.watch.isAttack).toBe(false)
      }),
    )
  })

  it('forgets what was before the machine started anew', () => {
    const memory = new Memory()
    const { watch, bins, strangers } = watching(memory)
    bins(3, () => strangers(0, 400))
    expect(watch.isAttack).toBe(true)
    const again = new AttackWatch({ memory, worker: { column: 0, columns: 1 }, emit: () => {}, nowMs: 10_000 })
    expect([again.isAttack, again.seen]).toEqual([false, []])
  })
})
