import { moment } from '../figures.ts'
import type { RunReport, Span } from '../data.ts'
import type { Bins, GappyBins, Series } from '../series.ts'
import { lanesFigure } from './lanes.ts'
import { timeAxis } from './axis.ts'
import { markup, type Markup } from './markup.ts'
import { hasFigures, isEmpty, plotFigure, shown, type Plot } from './plot.ts'

/** What came when in one simulated run. */
export function runPlots({ series, spans }: RunReport): Markup {
  return plotsFigure(plotsOf(series), spans, series)
}

/** Plots with one axis of time, and their figures as a table. */
export function plotsFigure(
  all: readonly Plot[],
  spans: readonly Span[],
  series: Pick<Series, 'binMs' | 'bins' | 'alarms'>,
): Markup {
  const lengthMs = series.binMs * series.bins
  // A legend with what never happened would only be longer.
  const drawn = all.flatMap((plot) =>
    isEmpty(plot.layers) ? [] : [{ ...plot, layers: plot.layers.filter(hasFigures) }],
  )
  const flat = all.filter(({ layers }) => isEmpty(layers)).map(({ title }) => title.split(',')[0].toLowerCase())
  const lanes = lanesFigure(spans, series.alarms, lengthMs)
  const figures = drawn.map((plot) => plotFigure(plot, timeAxis(lengthMs, spans, plot.isWide === true)))
  return markup`<div class="plots">${lanes}${figures}</div>
${flat.length === 0 ? undefined : markup`<p class="soft">Not drawn, as all of it is zero: ${flat.join(', ')}.</p>`}
<details><summary>The figures of these plots, every ${moment(series.binMs)}</summary>${figureTable(drawn, series)}</details>`
}

function plotsOf({ honest, attack, connectMs, bans, trials, sources, bufferBytes, cpuMs }: Series): readonly Plot[] {
  return [
    honestPlot(honest),
    {
      ...{
        key: 'attack',
        title: 'Attackers\u2019 connections, by what they got',
        unit: 'count',
        kind: 'bars',
        isWide: true,
      },
      layers: [
        { name: 'masked', tone: 'masked', values: attack.masked },
        { name: 'refused', tone: 'refused', values: attack.refused },
        { name: 'tarpitted', tone: 'tarpitted', values: attack.tarpitted },
        { name: 'discarded', tone: 'discarded', values: attack.discarded },
        { name: 'other', tone: 'other', values: attack.failed },
        { name: 'served', tone: 'served', values: attack.served },
      ],
    },
    connectPlot(connectMs),
    openPlot(honest.open, attack.open),
    single('bans', 'New bans', 'ban', 'bars', bans),
    single('trials', 'Secrets tried', 'plain', 'bars', trials),
    single('sources', 'Sources tracked', 'plain', 'lines', sources),
    { ...single('buffers', 'Memory in buffers', 'plain', 'bars', bufferBytes), unit: 'bytes' },
    { ...single('cpu', 'CPU, measured while it was played', 'plain', 'bars', cpuMs), unit: 'ms' },
  ]
}

export function honestPlot({ connected, lost }: Pick<Series['honest'], 'connected' | 'lost'>): Plot {
  return {
    ...{ key: 'honest', title: 'Honest connections, by when they began', unit: 'count', kind: 'bars', isWide: true },
    layers: [
      { name: 'connected', tone: 'connected', values: connected },
      { name: 'lost', tone: 'lost', values: lost },
    ],
  }
}

export function connectPlot({ p50, p90, p99 }: Series['connectMs']): Plot {
  return {
    ...{ key: 'connect', title: 'Time to connect', unit: 'ms', kind: 'lines' },
    layers: [
      { name: 'p50', tone: 'p50', values: p50 },
      { name: 'p90', tone: 'p90', values: p90 },
      { name: 'p99', tone: 'p99', values: p99 },
    ],
  }
}

export function openPlot(honest: Bins, attack: Bins): Plot {
  return {
    ...{ key: 'open', title: 'Open at a time', unit: 'count', kind: 'lines' },
    layers: [
      { name: 'honest', tone: 'honest', values: honest },
      { name: 'attackers', tone: 'attack', values: attack },
    ],
  }
}

export function single(key: string, title: string, tone: string, kind: Plot['kind'], values: GappyBins): Plot {
  return { key, title, unit: 'count', kind, layers: [{ name: '', tone, values }] }
}

/** One row a bin. The script reads what it shows under the pointer from here. */
function figureTable(plots: readonly Plot[], { bins, binMs }: Pick<Series, 'bins' | 'binMs'>): Markup {
  const columns = plots.flatMap(({ key, title, unit, layers }) =>
    layers.map(({ name, values }) => ({ key, name, unit, values, head: headOf(title, name) })),
  )
  const head = columns.map(
    ({ key, name, head: text }) => markup`<th scope="col" data-key="${key}" data-name="${name}">${text}</th>`,
  )
  const rows = Array.from({ length: bins }, (_, bin) => {
    const cells = columns.map(({ values, unit }) => markup`<td>${shown(values[bin], unit)}</td>`)
    return markup`<tr><td>${moment(bin * binMs)}</td>${cells}</tr>\n`
  })
  return markup`<div class="box tall" role="region" aria-label="Figures of the plots" tabindex="0">\
<table data-bins="${bins}"><thead><tr><th scope="col">from</th>${head}</tr></thead>
<tbody>${rows}</tbody></table></div>`
}

function headOf(title: string, name: string): string {
  const short = title.split(',')[0]
  return name === '' ? short : `${short}: ${name}`
}
