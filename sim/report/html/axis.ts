import type { Span } from '../data.ts'
import { moment } from '../figures.ts'
import { markup, type Markup } from './markup.ts'
import { coordinate, timeTicks } from './scale.ts'

/** What lies along the bottom of a plot; shares of its width, 0..1. */
export interface Axis {
  /** `isMinor`: left out where the page is narrow. */
  readonly ticks: readonly { readonly share: number; readonly text: string; readonly isMinor?: boolean }[]
  readonly shades: readonly { readonly kind: string; readonly from: number; readonly to: number }[]
}

/** Room for the labels of the axis, and above the highest figure; px. */
export const FOOT = 22
export const HEAD = 14
const TICKS = { wide: 10, small: 5 }
/** A label in the middle of its tick would leave the plot behind this. */
const LAST_SHARE = 0.94

/** Of a run of that length, with the times shaded in which something was done to it. */
export function timeAxis(lengthMs: number, spans: readonly Span[], isWide: boolean): Axis {
  const moments = timeTicks(lengthMs, isWide ? TICKS.wide : TICKS.small)
  return {
    ticks: moments.map((ms, at) => ({ share: ms / lengthMs, text: moment(ms), isMinor: isWide && at % 2 === 1 })),
    shades: spans.map(({ kind, fromMs, toMs }) => ({
      kind,
      from: fromMs / lengthMs,
      to: Math.min(1, toMs / lengthMs),
    })),
  }
}

export function shades({ shades: all }: Axis, height: number): Markup[] {
  return all.map(({ kind, from, to }) => {
    const [x, width] = [100 * from, 100 * (to - from)].map(coordinate)
    return markup`<rect class="shade ${kind}" x="${x}%" y="0" width="${width}%" height="${height - FOOT}"></rect>`
  })
}

export function labels({ ticks }: Axis, height: number): Markup[] {
  return ticks.map(({ share, text, isMinor = false }) => {
    const anchor = share === 0 ? 'start' : share > LAST_SHARE ? 'end' : 'middle'
    const tone = isMinor ? 'tick minor' : 'tick'
    return markup`<text class="${tone}" x="${coordinate(100 * share)}%" y="${height - 6}" text-anchor="${anchor}">${text}</text>`
  })
}
