import type { Span } from '../data.ts'
import { moment } from '../figures.ts'
import { Markup, markup } from './markup.ts'
import { coordinate } from './scale.ts'

const LANE_HEIGHT = 22
const LANES_MAX = 12
/** Where a label would leave the page on its right side. */
const LATE_SHARE = 0.4

/** Who attacked and what was out of reach, when; and when a detector said so. A lane for each. */
export function lanesFigure(
  spans: readonly Span[],
  alarms: readonly { readonly atMs: number; readonly what: string }[],
  lengthMs: number,
): Markup | undefined {
  const shown = spans.slice(0, LANES_MAX)
  if (shown.length === 0 && alarms.length === 0) return undefined
  const share = (ms: number) => Math.min(100, (100 * ms) / lengthMs)
  const lanes = shown.map((span, at) => lane(span, at, share))
  const marks = alarms.map(({ atMs, what }) => {
    const x = coordinate(share(atMs))
    const y = shown.length * LANE_HEIGHT + 4
    return markup`<svg class="mark" x="${x}%" y="${y}" width="1" height="1"><path class="alarm" d="M-6 12L6 12L0 1Z">\
<title>${moment(atMs)}: ${what}</title></path></svg>`
  })
  const height = LANE_HEIGHT * (shown.length + (alarms.length > 0 ? 1 : 0))
  const label = [...shown.map(textOf), ...alarms.map(({ atMs, what }) => `alarm at ${moment(atMs)}, ${what}`)].join(
    '; ',
  )
  const legend =
    alarms.length === 0 ? undefined : markup`<ul class="legend"><li>\u25b2 a detector raised an alarm</li></ul>`
  const more = spans.length > shown.length ? markup` and ${spans.length - shown.length} more` : undefined
  return markup`<figure class="plot wide" data-key="lanes"><figcaption><b>What was done to it</b>${more}${legend}</figcaption>
<svg data-plot="lanes" role="img" aria-label="${label}" width="100%" height="${height}">${lanes}${marks}</svg></figure>`
}

function lane(span: Span, at: number, share: (ms: number) => number): Markup {
  const [from, to] = [share(span.fromMs), share(span.toMs)]
  const isLate = from > 100 * LATE_SHARE
  const y = at * LANE_HEIGHT
  const x = isLate ? Math.min(100, to) : from
  return markup`<rect class="span ${span.kind}" x="${coordinate(from)}%" y="${y + 2}" width="${coordinate(Math.max(0.5, to - from))}%" \
height="${LANE_HEIGHT - 4}" rx="4"></rect><text class="lane" x="${coordinate(x)}%" dx="${isLate ? -6 : 6}" y="${y + 15}" \
text-anchor="${isLate ? 'end' : 'start'}">${textOf(span)}</text>`
}

function textOf({ label, fromMs, toMs }: Span): string {
  return `${label}, ${moment(fromMs)} to ${moment(toMs)}`
}
