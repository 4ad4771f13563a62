import { afterEach, describe, expect, it, vi } from 'vitest'
import { loadScenario } from '../../../sim/attacks.ts'
import { playable } from '../../../sim/attacks/live/left-out.ts'
import { planLiveFaults } from '../../../sim/attacks/live/live-faults.ts'
import { SlowLines, type Slowness } from '../../../sim/attacks/live/slow-lines.ts'
import type { Trouble } from '../../../sim/attacks/live/stand-in.ts'
import { spansOf } from '../../../sim/attacks/gather.ts'
import { SeededRandom } from '../../../sim/world/random.ts'
import { LIVELY, scenarioOf } from './lively.ts'

const fault = (...lines: readonly string[]) => `[[fault]]\n${lines.join('\n')}\n`
const REFUSING = fault('kind = "dc-down"', 'dc = 4', 'at = "10s"', 'for = "6s"')
const BLACK_HOLE = fault('kind = "dc-down"', 'how = "black-hole"', 'at = "20s"', 'for = "5s"')
const UNREACHABLE = fault('kind = "dc-down"', 'how = "unreachable"', 'at = "20s"', 'for = "5s"')
const FLAP = fault('kind = "dc-flap"', 'dc = 2', 'at = "10s"', 'for = "2200ms"')
const SLOW = fault('kind = "slow-links"', 'latency = "300ms"', 'stall = "1s"', 'at = "10s"', 'for = "5s"')
const MASK = fault('kind = "mask-down"', 'at = "10s"', 'for = "5s"')
const CLOCK = fault('kind = "clock-step"', 'at = "10s"', 'by = "+5s"')

function withFaults(...faults: readonly string[]) {
  return scenarioOf(LIVELY.replace('[assert]', `${faults.join('')}[assert]`))
}

/** What is done to Telegram, and when, ms of the plan. */
function planned(pace: number, ...faults: readonly string[]): readonly string[] {
  const found: { ms: number; what: string }[] = []
  let nowMs = 0
  const note = (what: string, { dc, how }: Trouble) => found.push({ ms: nowMs, what: `${what} ${dc ?? 'all'} ${how}` })
  const at = (ms: number, run: () => void) => {
    nowMs = ms
    run()
  }
  const standIn = {
    begin: (trouble: Trouble) => note('begin', trouble),
    end: (trouble: Trouble) => note('end', trouble),
  }
  const lines = {
    set slow(slow: Slowness | undefined) {
      found.push({ ms: nowMs, what: slow === undefined ? 'fast' : `slow ${slow.latencyMs} ${slow.stallMs}` })
    },
  }
  planLiveFaults({ pace, at }, withFaults(...faults), { lines, standIn })
  return found.map(({ ms, what }) => `${ms} ${what}`)
}

describe('faults against a real proxy', () => {
  it('are those of Telegram', () => {
    expect(planned(1, REFUSING, BLACK_HOLE)).toEqual([
      ...['10000 begin 4 refusing', '16000 end 4 refusing', '20000 begin all black-hole', '25000 end all black-hole'],
    ])
  })

  it('are slow lines of our own, too', () => {
    expect(planned(3, SLOW)).toEqual(['10000 slow 300 1000', '15000 fast'])
  })

  it('flap for half of each second, which is not sped up with the plan', () => {
    expect(planned(1, FLAP)).toEqual([
      ...['10000 begin 2 refusing', '10500 end 2 refusing', '11000 begin 2 refusing', '11500 end 2 refusing'],
      ...['12000 begin 2 refusing', '12200 end 2 refusing'],
    ])
    expect(planned(2, FLAP)).toEqual([
      ...['10000 begin 2 refusing', '11000 end 2 refusing', '12000 begin 2 refusing', '12200 end 2 refusing'],
    ])
    expect(planned(100, FLAP)).toEqual(['10000 begin 2 refusing', '12200 end 2 refusing'])
  })
})

describe('what is left out against a real proxy', () => {
  const remarks = (hasTelegram: boolean, ...faults: readonly string[]) =>
    playable(withFaults(...faults), hasTelegram).remarks.filter((remark) => remark.startsWith('left out'))

  it('is named exactly, and nothing else is', () => {
    expect(remarks(true, REFUSING, FLAP, MASK, CLOCK, CLOCK, UNREACHABLE)).toEqual([
      'left out, as only the simulator can do it: [[vault_outage]], [[fault]] mask-down, [[fault]] clock-step, ' +
        '[[fault]] dc-down (unreachable)',
    ])
    expect(playable(loadScenario('dc-flap-under-load'), true).remarks).toHaveLength(1)
  })

  it('is what Telegram does, where nobody stands in for it', () => {
    expect(remarks(false, REFUSING, FLAP, SLOW).slice(1)).toEqual([
      'left out without --telegram: [[fault]] dc-down (refusing), [[fault]] dc-flap',
    ])
  })

  it('has no part in how soon the proxy recovers, or in the page', () => {
    const { scenario } = playable(withFaults(FLAP, MASK), true)
    expect(spansOf(scenario).map(({ kind, label }) => `${kind} ${label}`)).toEqual([
      ...['attack guesses (guess)', 'attack hogs (hog)', 'fault dc-flap, DC 2'],
    ])
    expect(playable(withFaults(FLAP, MASK), false).scenario).toMatchObject({ fault: [], vault_outage: [], reloads: [] })
  })
})

describe('a slow line', () => {
  afterEach(() => void vi.useRealTimers())

  /** What is heard of it, and when. */
  function line(stallMs: number) {
    vi.useFakeTimers()
    const heard: string[] = []
    let nowMs = 0
    const note = (what: string) => heard.push(`${nowMs} ${what}`)
    const lines = new SlowLines(() => nowMs, new SeededRandom(1, 'test'))
    const handler = lines.late({
      onData: (chunk) => note(`data ${chunk[0]}`),
      onDrain: () => note('drain'),
      onEnd: () => note('end'),
      onClose: (kind) => note(`close ${kind}`),
    })
    const pass = (ms: number) => {
      for (const endMs = nowMs + ms; nowMs < endMs;) {
        nowMs++
        vi.advanceTimersByTime(1)
      }
    }
    return { heard, lines, handler, pass, slow: { latencyMs: 100, stallMs } }
  }

  it('is as fast as before, while it is not slow', () => {
    const { heard, handler } = line(0)
    handler.onData(Uint8Array.of(1))
    handler.onEnd()
    handler.onClose('end')
    expect(heard).toEqual(['0 data 1', '0 end', '0 close end'])
  })

  it('is late by the way there and back, in order, and nothing overtakes when it is fast again', () => {
    const { heard, lines, handler, pass, slow } = line(0)
    lines.slow = slow
    const chunk = Uint8Array.of(1)
    handler.onData(chunk)
    chunk[0] = 9
    pass(50)
    handler.onData(Uint8Array.of(2))
    handler.onDrain()
    lines.slow = undefined
    pass(10)
    handler.onData(Uint8Array.of(3))
    handler.onClose('reset')
    pass(300)
    expect(heard).toEqual(['50 drain', '200 data 1', '250 data 2', '250 data 3', '250 close reset'])
    handler.onData(Uint8Array.of(4))
    expect(heard.at(-1)).toBe('360 data 4')
  })

  it('stalls now and then, for as long as it may', () => {
    const { lines, slow } = line(1_000)
    lines.slow = slow
    const delays = Array.from({ length: 2_000 }, () => lines.delayMs())
    const stalls = delays.filter((ms) => ms > 200)
    expect(stalls.length).toBeGreaterThan(50)
    expect(stalls.length).toBeLessThan(200)
    expect([Math.min(...delays), Math.max(...delays) <= 1_200]).toEqual([200, true])
  })
})
