/**
 * Watches a series against its own past: mean and spread are exponentially weighted (EWMA), and what exceeds them adds up
 * (CUSUM, Page 1954), so that both a burst and a small lasting shift are found, and a single outlier is not.
 *
 *   mean | mean deviation | sum | last value over the mean, in deviations
 */
export const CUSUM_WORDS = 4

const MEAN = 0
const DEVIATION = 1
const SUM = 2
const LAST = 3
/** Over 64 bins, about five minutes. */
const LEARN = 1 / 64
/** What an attack does must not become the usual; but what stays for hours is. */
const LEARN_IN_ALARM = 1 / 4096
/** Deviations that a bin may be over the mean without adding to the sum. */
const SLACK = 1.5
/** Most that one bin adds, before the slack: an alarm takes two bins at least. */
const STEP_MAX = 6
const ALARM = 8
/** The sum goes no further, so that an end is seen soon. */
const SUM_MAX = 2 * ALARM
/** What is learnt of one bin lies at most as many deviations over the mean. */
const LEARN_MAX = 3

/** Takes the value of a bin. `floor` is the least deviation: what is fewer than a few of these is never an attack. */
export function step(state: Float64Array, value: number, floor: number): void {
  const mean = state[MEAN]
  const deviation = Math.max(state[DEVIATION], floor)
  const over = (value - mean) / deviation
  state[LAST] = over
  state[SUM] = Math.min(SUM_MAX, Math.max(0, state[SUM] + Math.min(STEP_MAX, over) - SLACK))
  const learn = isAlarmed(state) ? LEARN_IN_ALARM : LEARN
  const learnt = Math.min(value, mean + LEARN_MAX * deviation)
  state[MEAN] += learn * (learnt - mean)
  state[DEVIATION] += learn * (Math.abs(learnt - mean) - state[DEVIATION])
}

export function isAlarmed(state: Float64Array): boolean {
  return state[SUM] >= ALARM
}

/** Not even half way to an alarm. */
export function isCalm(state: Float64Array): boolean {
  return state[SUM] < ALARM / 2
}

/** What a bin usually brings. */
export function usual(state: Float64Array): number {
  return state[MEAN]
}
