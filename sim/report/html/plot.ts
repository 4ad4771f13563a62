import { milliseconds, number, size } from '../figures.ts'
import { FOOT, HEAD, labels, shades, type Axis } from './axis.ts'
import { markup, type Markup } from './markup.ts'
import { AREA_HEIGHT, AREA_WIDTH, lines, stackedBars, type Layer } from './marks.ts'
import { coordinate, niceCeiling, type Unit } from './scale.ts'

export interface Plot {
  /** Names it on the page. */
  readonly key: string
  readonly title: string
  readonly unit: Unit
  /** Bars are put on top of each other; lines stand for themselves. */
  readonly kind: 'bars' | 'lines'
  readonly layers: readonly Layer[]
  readonly isWide?: boolean
}

/** px */
const HEIGHT = { wide: 190, small: 150 }

export function shown(value: number | null, unit: Unit): string {
  if (value === null) return '\u2013'
  return unit === 'count' ? number(value) : unit === 'ms' ? milliseconds(value) : size(Math.round(value))
}

export function hasFigures({ values }: Layer): boolean {
  return values.some((value) => value !== null && value !== 0)
}

/** Whether there is nothing to draw. */
export function isEmpty(layers: readonly Layer[]): boolean {
  return !layers.some(hasFigures)
}

/** A plot as a figure: title, legend, SVG, and below it its highest figure, in whose place the script puts what is under the pointer. */
export function plotFigure(plot: Plot, axis: Axis): Markup {
  const { key, title, unit, layers, isWide = false } = plot
  const entries = layers.map(({ name, tone }) => markup`<li><i class="key ${tone}"></i>${name}</li>`)
  const legend = layers[0].name === '' ? undefined : markup`<ul class="legend">${entries}</ul>`
  return markup`<figure class="${isWide ? 'plot wide' : 'plot'}" data-key="${key}">
<figcaption><b>${title}</b>${legend}</figcaption>
${plotSvg(plot, axis)}
<output class="readout">most: ${shown(highestOf(plot), unit)}</output>
</figure>`
}

/** Text keeps its size whatever the width of the page; only the plotted area is stretched. */
export function plotSvg(plot: Plot, axis: Axis): Markup {
  const { key, title, unit, kind, layers, isWide = false } = plot
  const top = niceCeiling(highestOf(plot), unit)
  const height = isWide ? HEIGHT.wide : HEIGHT.small
  const label = `${title}: ${layers.map((layer) => `${layer.name} up to ${shown(mostOf(layer), unit)}`.trim()).join(', ')}`
  return markup`<svg data-plot="${key}" role="img" aria-label="${label}" tabindex="0" width="100%" height="${height}">
${shades(axis, height)}${grid(height)}
<svg class="area" x="0" y="${HEAD}" width="100%" height="${height - HEAD - FOOT}" viewBox="0 0 ${AREA_WIDTH} ${AREA_HEIGHT}" \
preserveAspectRatio="none">${kind === 'bars' ? stackedBars(layers, top) : lines(layers, top)}</svg>
${valueLabels(top, unit, height)}${labels(axis, height)}
<line class="cross" x1="0" x2="0" y1="0" y2="${height - FOOT}"></line></svg>`
}

function highestOf({ layers, kind }: Plot): number {
  const [first] = layers
  if (kind === 'lines') return Math.max(...layers.map(mostOf))
  return first.values.reduce<number>((most, _, bin) => {
    const stack = layers.reduce((total, { values }) => total + (values[bin] ?? 0), 0)
    return Math.max(most, stack)
  }, 0)
}

function mostOf({ values }: Layer): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0)
}

/** Where nothing, half and all of the axis is. */
const LEVELS = [0, 0.5, 1]

function levelAt(share: number, height: number): number {
  return HEAD + (height - HEAD - FOOT) * (1 - share)
}

function grid(height: number): Markup[] {
  return LEVELS.map((share) => {
    const y = coordinate(levelAt(share, height))
    return markup`<line class="${share === 0 ? 'base' : 'grid'}" x1="0" x2="100%" y1="${y}" y2="${y}"></line>`
  })
}

function valueLabels(top: number, unit: Unit, height: number): Markup[] {
  return LEVELS.slice(1).map((share) => {
    const y = coordinate(levelAt(share, height) - 3)
    return markup`<text class="tick" x="2" y="${y}">${shown(top * share, unit)}</text>`
  })
}
