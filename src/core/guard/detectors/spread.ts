import { step, usual } from './cusum.ts'
import type { Detector } from './bin.ts'

const FLOOR = 4
/** Among so many strangers that succeed, one that fails is usual: of a crowd some have bad networks. */
const GOOD_PER_FAILING = 4

/** More sources than usual fail that have not failed of late: many bots, or one attacker with many addresses. */
export const spread: Detector = {
  name: 'spread',
  isAnswered: true,
  step(state, bin) {
    const expected = (bin.tried - bin.failed) / GOOD_PER_FAILING
    step(state, Math.max(0, bin.newFailing - expected), FLOOR)
  },
  explain: (state, bin) => `handshakes of ${bin.newFailing} more sources failed, usual are ${usual(state).toFixed(1)}`,
}
