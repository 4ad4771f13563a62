import type { LiveReport, LiveSeries } from '../live-data.ts'
import { markup, type Markup } from './markup.ts'
import type { Plot } from './plot.ts'
import { connectPlot, honestPlot, openPlot, plotsFigure, single } from './run-plots.ts'

/** What came when against a real proxy, and what cannot be drawn of it. */
export function livePlots({ series, spans }: LiveReport): Markup {
  return markup`${plotsFigure(plotsOf(series), spans, series)}${missing(series)}`
}

function plotsOf({ honest, attack, connectMs, bans, inside }: LiveSeries): readonly Plot[] {
  return [
    honestPlot(honest),
    {
      ...{ key: 'attack', unit: 'count', kind: 'bars', isWide: true },
      title: 'Attackers\u2019 connections, by what they got',
      layers: [
        { name: 'answered', tone: 'masked', values: attack.answered },
        { name: 'closed', tone: 'refused', values: attack.closed },
        { name: 'silent', tone: 'discarded', values: attack.silent },
        { name: 'not connected', tone: 'other', values: attack.unmade },
        { name: 'served', tone: 'served', values: attack.served },
      ],
    },
    connectPlot(connectMs),
    openPlot(honest.open, attack.open),
    ...(bans === undefined ? [] : [single('bans', 'New bans', 'ban', 'bars', bans)]),
    ...(inside === undefined ? [] : insidePlots(inside)),
  ]
}

function insidePlots({
  cpuPercent,
  memoryBytes,
  bufferBytes,
  trialsPerSec,
}: NonNullable<LiveSeries['inside']>): Plot[] {
  return [
    single('cpu', 'CPU of the proxy, % of one processor', 'plain', 'lines', cpuPercent),
    { ...single('memory', 'Memory of the proxy', 'plain', 'lines', memoryBytes), unit: 'bytes' },
    { ...single('buffers', 'Memory in buffers', 'plain', 'lines', bufferBytes), unit: 'bytes' },
    single('trials', 'Secrets tried, a second', 'plain', 'lines', trialsPerSec),
  ]
}

function missing({ bans, inside }: LiveSeries): Markup | undefined {
  if (inside !== undefined) return undefined
  const isOurs = bans !== undefined
  const what = isOurs
    ? 'CPU, memory, buffers and secrets tried'
    : 'bans, alarms, CPU, memory, buffers and secrets tried'
  const why = isOurs
    ? 'the metrics of the proxy could not be read (metrics.listen)'
    : 'they cannot be seen from outside; --config lets a proxy of ours be asked'
  return markup`<p class="soft">Not drawn: ${what} of the proxy, as ${why}.</p>`
}
