import { live } from './day.ts'
import type { Attack } from './traffic.ts'

/** How the watch for attacks by many does with one kind of attack on an ordinary day. */
export function aloneOf(attack: Attack, seeds: readonly number[]): { seen: number; medianSec: number | undefined } {
  const delays = seeds.flatMap((seed) => {
    const { arrivals, events } = live(seed, [attack])
    const beganMs = arrivals.find(({ label }) => label === attack)?.atMs ?? 0
    const alarm = events.find(({ event }) => event.kind === 'attack' && event.state === 'begun' && event.isAnswered)
    return alarm === undefined || alarm.atMs < beganMs ? [] : [(alarm.atMs - beganMs) / 1000]
  })
  delays.sort((a, b) => a - b)
  return { seen: delays.length / seeds.length, medianSec: delays.at(Math.floor(delays.length / 2)) }
}

/** What honest people notice: alarms when nobody attacks, and refusals when everybody does and detectors may act. */
export function whole(seeds: readonly number[]): { falseAlarms: number; honestLost: number } {
  let [alarms, admitted, all] = [0, 0, 0]
  for (const seed of seeds) {
    const { events } = live(seed, [])
    if (events.some(({ event }) => event.kind === 'attack' && event.isAnswered)) alarms++
    const { honest } = live(seed, undefined, { isDryRun: false, anomaly: 'enforce' })
    admitted += honest.admitted
    all += honest.all
  }
  return { falseAlarms: alarms / seeds.length, honestLost: 1 - admitted / all }
}
