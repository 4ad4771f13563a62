import type { GappyBins } from '../series.ts'
import { markup, type Markup } from './markup.ts'
import { coordinate } from './scale.ts'

/** One list of figures of a plot. `tone` is a class of style.ts: its colour, and whether it is hatched or dashed. */
export interface Layer {
  readonly name: string
  readonly tone: string
  readonly values: GappyBins
}

/** The plotted area is drawn in these units and stretched to its place, so that only text has a size of its own. */
export const AREA_WIDTH = 1000
export const AREA_HEIGHT = 100
const GAP_SHARE = 0.12

/** On top of each other; `highest` is where the area ends. */
export function stackedBars(layers: readonly Layer[], highest: number): Markup[] {
  const bins = layers[0].values.length
  const width = AREA_WIDTH / bins
  const bases = Array.from({ length: bins }, () => 0)
  return layers.map(({ name, tone, values }) => {
    let path = ''
    values.forEach((value, bin) => {
      if (value === null || value === 0) return
      const [bottom, top] = [bases[bin], (bases[bin] += value)].map((at) =>
        coordinate(AREA_HEIGHT * (1 - at / highest)),
      )
      const [left, right] = [(bin + GAP_SHARE / 2) * width, (bin + 1 - GAP_SHARE / 2) * width].map(coordinate)
      path += `M${left} ${bottom}V${top}H${right}V${bottom}Z`
    })
    return path === '' ? markup`` : markup`<path class="bar ${tone}" d="${path}"><title>${name}</title></path>`
  })
}

/** Each figure is a step as wide as its bin, so that one that stands alone can be seen too. */
export function lines(layers: readonly Layer[], highest: number): Markup[] {
  return layers.map(({ name, tone, values }) => {
    const width = AREA_WIDTH / values.length
    let path = ''
    values.forEach((value, bin) => {
      if (value === null) return
      const before = values[bin - 1]
      const y = coordinate(AREA_HEIGHT * (1 - value / highest))
      path += `${before === undefined || before === null ? 'M' : 'L'}${coordinate(bin * width)} ${y}H${coordinate((bin + 1) * width)}`
    })
    return path === '' ? markup`` : markup`<path class="line ${tone}" d="${path}"><title>${name}</title></path>`
  })
}
