import { number } from '../figures.ts'
import { markup, type Markup } from './markup.ts'
import { plotSvg } from './plot.ts'

export interface Bars {
  readonly key: string
  readonly title: string
  /** What stands below it. */
  readonly label: string
  /** At both ends of its axis. */
  readonly from: string
  readonly to: string
  readonly values: readonly number[]
}

/** A plot whose axis is no time of a run: one row of bars. */
export function barsFigure({ key, title, label, from, to, values }: Bars): Markup {
  const plot = { key, title, unit: 'count', kind: 'bars', layers: [{ name: title, tone: 'plain', values }] } as const
  const ticks = [
    { share: 0, text: from },
    { share: 1, text: to },
  ]
  const rows = values.map((value, at) => `${number(at + 1)}: ${number(value)}`)
  return markup`<figure class="plot" data-key="${key}"><figcaption><b>${title}</b></figcaption>
${plotSvg(plot, { ticks, shades: [] })}<p class="readout">${label}</p>
<details><summary>Its figures</summary><p class="soft">${rows.join(', ')}</p></details></figure>`
}
