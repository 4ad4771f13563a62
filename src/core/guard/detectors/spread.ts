import { step, usual } from './cusum.ts'
import type { Detector } from './bin.ts'

const FLOOR = 4

/** More sources than usual fail that have not failed of late: many bots, or one attacker with many addresses. */
export const spread: Detector = {
  name: 'spread',
  isAnswered: true,
  step: (state, bin) => step(state, bin.newFailing, FLOOR),
  explain: (state, bin) => `handshakes of ${bin.newFailing} more sources failed, usual are ${usual(state).toFixed(1)}`,
}
