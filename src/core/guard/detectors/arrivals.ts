import { step, usual } from './cusum.ts'
import { BIN_MS, type Detector } from './bin.ts'

/** Four a second are nothing, whatever was before. */
const FLOOR = 20

/**
 * More strangers come than usual. That may be a flood, or a crowd that has just heard of the proxy: told of, and answered only by
 * what the limits say.
 */
export const arrivals: Detector = {
  name: 'arrivals',
  isAnswered: false,
  step: (state, bin) => step(state, bin.arrivals, FLOOR),
  explain: (state, bin) =>
    `${perSecond(bin.arrivals)} connections of strangers a second, usual are ${perSecond(usual(state))}`,
}

function perSecond(inBin: number): string {
  return ((inBin * 1000) / BIN_MS).toFixed(1)
}
