import { describe, expect, it } from 'vitest'
import { Backoff } from '../../../src/core/telegram/backoff.ts'
import { World } from '../../../sim/world/world.ts'

const DC = { ip: '149.154.167.51', port: 443 }
const OTHER = { ip: '149.154.167.51', port: 8443 }
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]

const fresh = (seed = 1) => new Backoff(new World(seed).random('backoff'))

/** A probe that fails at once, at the end of the pause. Returns the new pause. */
function failAgain(backoff: Backoff, now: number): number {
  backoff.failed(DC, backoff.attempt(DC, now), now)
  return backoff.waitMs(DC, now)
}

describe('Backoff', () => {
  it('lets everything pass that never failed', () => {
    const backoff = fresh()
    backoff.attempt(DC, 0)
    expect([backoff.waitMs(DC, 0), backoff.isProbed(DC)]).toEqual([0, false])
    backoff.succeeded(DC)
    expect(backoff.waitMs(DC, 0)).toBe(0)
  })

  it('pauses longer after each failure, up to a minute, and half as long again at most', () => {
    const seen = PAUSES_MS.map(() => new Set<number>())
    for (let seed = 1; seed <= 40; seed++) {
      const backoff = fresh(seed)
      let now = 0
      for (const [at, pause] of PAUSES_MS.entries()) {
        const wait = failAgain(backoff, now)
        expect(wait).toBeGreaterThanOrEqual(pause)
        expect(wait).toBeLessThanOrEqual(1.5 * pause)
        seen[at].add(wait)
        expect(backoff.waitMs(DC, now + wait - 1)).toBe(1)
        now += wait
        expect(backoff.waitMs(DC, now)).toBe(0)
      }
    }
    for (const waits of seen) expect(waits.size).toBeGreaterThan(20)
  })

  it('counts attempts that ran side by side as one failure', () => {
    const backoff = fresh()
    const early = backoff.attempt(DC, 0)
    for (let i = 0; i < 10; i++) backoff.failed(DC, early, 0)
    expect(backoff.waitMs(DC, 0)).toBeLessThanOrEqual(1_500)
    const probe = backoff.attempt(DC, 2_000)
    for (let i = 0; i < 10; i++) backoff.failed(DC, probe, 2_000)
    expect(backoff.waitMs(DC, 2_000)).toBeLessThanOrEqual(3_000)
  })

  it('does not take the late failure of an earlier attempt for that of the probe', () => {
    const backoff = fresh()
    const [hangs, fails] = [backoff.attempt(DC, 0), backoff.attempt(DC, 0)]
    backoff.failed(DC, fails, 0)
    const probe = backoff.attempt(DC, 2_000)
    backoff.failed(DC, hangs, 2_000)
    expect([backoff.isProbed(DC), backoff.waitMs(DC, 2_000) <= 3_000]).toEqual([true, true])
    backoff.failed(DC, probe, 2_000)
    expect([backoff.isProbed(DC), backoff.waitMs(DC, 2_000) >= 2_000]).toEqual([false, true])
  })

  it('counts a probe that hangs for longer than its pause when the next one begins', () => {
    const backoff = fresh()
    backoff.failed(DC, backoff.attempt(DC, 0), 0)
    for (const [at, pause] of PAUSES_MS.slice(1, 5).entries()) {
      const now = 100_000 * (at + 1)
      backoff.attempt(DC, now)
      expect(backoff.waitMs(DC, now)).toBeGreaterThanOrEqual(pause)
      expect(backoff.waitMs(DC, now)).toBeLessThanOrEqual(1.5 * pause)
    }
  })

  it('keeps others away while one probes, and forgets everything when that succeeds', () => {
    const backoff = fresh()
    const pause = failAgain(backoff, 0)
    backoff.attempt(DC, pause)
    expect(backoff.isProbed(DC)).toBe(true)
    expect(backoff.waitMs(DC, pause)).toBeGreaterThanOrEqual(1_000)
    backoff.succeeded(DC)
    expect([backoff.isProbed(DC), backoff.waitMs(DC, pause)]).toEqual([false, 0])
    expect(failAgain(backoff, pause)).toBeLessThanOrEqual(1_500)
  })

  it('is free for the next probe when one was given up without a word', () => {
    const backoff = fresh()
    const first = failAgain(backoff, 0)
    backoff.attempt(DC, first)
    const second = backoff.waitMs(DC, first)
    expect(second).toBeLessThanOrEqual(3_000)
    expect(backoff.waitMs(DC, first + second)).toBe(0)
    backoff.attempt(DC, first + second)
    backoff.succeeded(DC)
    expect(backoff.waitMs(DC, first + second)).toBe(0)
  })

  it('knows endpoints by address and port', () => {
    const backoff = fresh()
    backoff.failed(DC, backoff.attempt(DC, 0), 0)
    expect(backoff.waitMs(OTHER, 0)).toBe(0)
    backoff.succeeded(OTHER)
    expect(backoff.waitMs(DC, 0)).toBeGreaterThan(0)
  })

  it('remembers a thousand endpoints and no more', () => {
    const backoff = fresh()
    const endpoint = (at: number) => ({ ip: `10.0.${at >> 8}.${at & 255}`, port: 443 })
    for (let at = 0; at < 1025; at++) backoff.failed(endpoint(at), 0, 0)
    expect([0, 1022, 1023].map((at) => backoff.waitMs(endpoint(at), 0) > 0)).toEqual([true, true, true])
    expect(backoff.waitMs(endpoint(1024), 0)).toBe(0)
    backoff.failed(endpoint(5), backoff.attempt(endpoint(5), 9_000), 9_000)
    expect(backoff.waitMs(endpoint(5), 9_000)).toBeGreaterThanOrEqual(2_000)
    backoff.succeeded(endpoint(7))
    backoff.failed(endpoint(1024), 0, 0)
    expect(backoff.waitMs(endpoint(1024), 0)).toBeGreaterThan(0)
  })
})
