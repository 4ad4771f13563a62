import type { Span } from '../data.ts'
import { moment } from '../figures.ts'
import type { Series } from '../series.ts'
import { markup, type Markup } from './markup.ts'
import { coordinate } from './scale.ts'

const LANE_HEIGHT = 10
const LANES_MAX = 12
const ALARMS_TOLD = 4

/** Who attacked and what was out of reach, when; and when a detector said so. A lane for each, in line with the plots below it. */
export function lanesFigure(spans: readonly Span[], alarms: Series['alarms'], lengthMs: number): Markup | undefined {
  if (spans.length === 0 && alarms.length === 0) return undefined
  const lanes = spans.slice(0, LANES_MAX).map((span) => spanLane(span, lengthMs))
  const more = spans.length > LANES_MAX ? markup`<li>and ${spans.length - LANES_MAX} more</li>` : undefined
  return markup`<figure class="plot wide" data-key="lanes"><figcaption><b>What was done to it, and when it noticed</b></figcaption>
<ul class="lanes">${lanes}${more}${alarms.length === 0 ? undefined : alarmLane(alarms, lengthMs)}</ul></figure>`
}

function spanLane({ kind, label, fromMs, toMs }: Span, lengthMs: number): Markup {
  const from = (100 * fromMs) / lengthMs
  // Even a short one can be seen.
  const width = Math.max(0.6, Math.min(100, (100 * toMs) / lengthMs) - from)
  const text = `${label}, ${moment(fromMs)} to ${moment(toMs)}`
  return lane(
    text,
    markup`<rect class="span ${kind}" x="${coordinate(from)}%" y="0" width="${coordinate(width)}%" height="${LANE_HEIGHT}" rx="3"></rect>`,
  )
}

function alarmLane(alarms: Series['alarms'], lengthMs: number): Markup {
  const marks = alarms.map(({ atMs }) => {
    const x = coordinate(Math.min(100, (100 * atMs) / lengthMs))
    return markup`<svg class="mark" x="${x}%" width="1" height="1"><path class="alarm" d="M-6 ${LANE_HEIGHT}H6L0 0Z"></path></svg>`
  })
  const told = alarms.slice(0, ALARMS_TOLD).map(({ atMs, what }) => `${moment(atMs)} ${what}`)
  const more = alarms.length > ALARMS_TOLD ? `, and ${alarms.length - ALARMS_TOLD} more` : ''
  return lane(`\u25b2 alarms: ${told.join('; ')}${more}`, markup`${marks}`)
}

function lane(text: string, marks: Markup): Markup {
  return markup`<li>${text}<svg data-plot="lane" role="img" aria-label="${text}" width="100%" height="${LANE_HEIGHT}">\
<line class="grid" x1="0" x2="100%" y1="${LANE_HEIGHT - 1}" y2="${LANE_HEIGHT - 1}"></line>${marks}</svg></li>`
}
