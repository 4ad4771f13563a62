import { live, type Row } from './day.ts'
import { measure, SCORERS, thresholdFor, type Quality } from './quality.ts'
import { ATTACKS } from './traffic.ts'
import { aloneOf, whole } from './whole.ts'

/** Thresholds are found on these and used on the ones behind them, so that nothing is tuned on what it is judged by. */
const CALIBRATION = [1, 2, 3, 4, 5, 6]
const HELD_OUT = [101, 102, 103, 104, 105, 106]
const TARGETS = [0.001, 0.01]

const rowsOf = (seeds: readonly number[]): Row[] => seeds.flatMap((seed) => live(seed).rows)
const print = (text: string) => process.stdout.write(`${text}\n`)
const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`.padStart(8)

const known = rowsOf(CALIBRATION)
const held = rowsOf(HELD_OUT)
print(`Detection per source and window of 10 s: ${known.length} rows to calibrate, ${held.length} held out`)
for (const target of TARGETS) {
  print(`\nat a false-positive rate of ${100 * target} % on the calibration seeds`)
  const qualities = SCORERS.map(({ name, score }) => {
    return { name, quality: measure(held, score, thresholdFor(known, score, target), target) }
  })
  line('', (_, name) => name.padStart(22))
  line('false positives', ({ falsePositives }) => percent(falsePositives))
  line('recall', ({ recall }) => percent(recall))
  line('precision', ({ precision }) => percent(precision))
  line('CGNAT rows hit', ({ cgnatHit }) => percent(cgnatHit))
  for (const attack of ATTACKS) line(`  ${attack}`, ({ byAttack }) => percent(byAttack[attack]))

  function line(title: string, cell: (quality: Quality, name: string) => string): void {
    print([title.padEnd(18), ...qualities.map(({ name, quality }) => cell(quality, name).padStart(22))].join(' '))
  }
}

print('\nAttacks by many, seen as one: share of held-out seeds, and seconds until it was seen')
for (const attack of ATTACKS) {
  const { seen, medianSec } = aloneOf(attack, HELD_OUT)
  print(`${attack.padEnd(18)} ${percent(seen)} ${medianSec === undefined ? '' : `${medianSec.toFixed(0)} s`}`)
}
const { falseAlarms, honestLost } = whole(HELD_OUT)
print(`none               ${percent(falseAlarms)} of days without an attack raise a false alarm`)
print(`honest connections refused while everything attacks and limits are enforced: ${percent(honestLost)}`)
