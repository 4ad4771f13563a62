import { step } from './cusum.ts'
import type { Detector } from './bin.ts'

const FLOOR = 4

/**
 * Most handshakes of strangers fail, and more of them than usual: guessing, probing or garbage from many sources, each of which
 * stays under every limit. Where more than half succeed it sees nothing, however many come.
 */
export const failures: Detector = {
  name: 'failures',
  isAnswered: true,
  step: (state, bin) => step(state, Math.max(0, 2 * bin.failed - bin.tried), FLOOR),
  explain: (_, bin) => `${bin.failed} of ${bin.tried} handshakes of strangers failed`,
}
