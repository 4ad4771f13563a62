import { arrivals } from './arrivals.ts'
import type { Detector } from './bin.ts'
import { failures } from './failures.ts'
import { spread } from './spread.ts'

/** Of attacks by many. Detectors of one source or prefix are asked where its entry is at hand: prefix.ts, shape.ts. */
export const DETECTORS: readonly Detector[] = [arrivals, failures, spread]
