import type { SwarmReport } from '../data.ts'
import { counted, milliseconds, moment, number, percent, sum } from '../figures.ts'
import { markup, type Markup } from './markup.ts'
import { cards, page, table } from './page.ts'
import { barsFigure } from './bars.ts'

/** Seeded runs as one page: what held, what broke and how to see it again, and what all of it reached. */
export function swarmPage(report: SwarmReport): string {
  const { firstSeed, passed, failed, runtime, command, reached, missed } = report
  const seeds = passed + failed
  const title = `${counted(seeds, 'seed')} from ${firstSeed} on`
  const isGood = failed === 0 && missed.length === 0
  return page(
    `${title} \u2013 Palisade`,
    markup`<h1>${title}</h1>
<p class="about">Each seed decides a whole run: settings, secrets, links, faults, who comes and who attacks; what must always hold is \
checked after every step.</p>
<p class="${isGood ? 'lead' : 'lead bad'}"><b>${verdictOf(report)}</b> ${textOf(report)}</p>
${keyFigures(report)}
${failures(report)}
<div class="plots">${paceFigure(report)}${lengthFigure(report)}</div>
<h3>Invariants</h3>
${invariants(report)}
<h3>Profiles</h3>
${profiles(report)}
<h3>What was reached</h3>
${missed.length === 0 ? undefined : markup`<p class="fail">Never, and should have been: ${missed.join(', ')}.</p>`}
<details><summary>${counted(reached.length, 'kind')} of things that happened, and how often</summary>${marks(report)}</details>
<h3>To run it again</h3>
<pre><code>${command}</code></pre>
<footer><p>Run on ${runtime}. One seed gives the same run everywhere; only the pace is measured.</p></footer>`,
  )
}

function verdictOf({ passed, failed, missed }: SwarmReport): string {
  if (failed > 0) return `Failed: ${counted(failed, 'seed')} of ${number(passed + failed)}.`
  if (missed.length > 0) return `Held, but not all was reached.`
  return `Held: all ${counted(passed, 'seed')}.`
}

function textOf({ invariants: all, events, reached, missed }: SwarmReport): string {
  const broken = all.filter((invariant) => invariant.broken > 0).map(({ name }) => name)
  const found = broken.length === 0 ? 'none broke' : `${broken.join(', ')} broke`
  const never = missed.length === 0 ? '' : `, and ${counted(missed.length, 'kind')} that should have did not`
  const happened = `${counted(reached.length, 'kind')} of things happened${never}`
  return `${counted(all.length, 'invariant')} watched over ${counted(events, 'event')}; ${found}. ${happened}.`
}

function keyFigures({ passed, failed, events, wallMs, reached, missed, profiles: all }: SwarmReport): Markup {
  const seeds = passed + failed
  const perSec = wallMs === 0 ? 0 : (1000 * seeds) / wallMs
  return cards([
    { name: 'Seeds', value: number(seeds), note: `${counted(all.length, 'profile')}` },
    {
      name: 'Failed',
      value: number(failed),
      note: `${percent(seeds === 0 ? 0 : failed / seeds)} of them`,
      isBad: failed > 0,
    },
    {
      name: 'Seeds per second',
      value: number(Math.round(perSec * 10) / 10),
      note: `for ${moment(Math.round(wallMs / 1000) * 1000)}; measured`,
    },
    { name: 'Events', value: number(events), note: `${number(seeds === 0 ? 0 : Math.round(events / seeds))} in a run` },
    {
      name: 'Kinds of things that happened',
      value: number(reached.length),
      note: missed.length === 0 ? 'ends, refusals, faults' : `${number(missed.length)} never did`,
      isBad: missed.length > 0,
    },
  ])
}

function failures({ failures: found, failed }: SwarmReport): Markup | undefined {
  if (found.length === 0) return undefined
  const rows = found.map(({ seed, profile, invariant, what, atMs, command }) => [
    ...[
      String(seed),
      profile,
      markup`<span class="fail">${invariant}</span>`,
      milliseconds(atMs),
      what,
      markup`<code>${command}</code>`,
    ],
  ])
  const columns = [
    { name: 'seed', kind: 'text' },
    { name: 'profile', kind: 'text' },
    { name: 'invariant', kind: 'text' },
    { name: 'after' },
    { name: 'what', kind: 'words' },
    { name: 'to see it again', kind: 'text' },
  ] as const
  const seeds = new Set(found.map(({ seed, profile }) => `${profile} ${seed}`)).size
  const rest =
    seeds < failed
      ? markup`<p class="soft">Shown are ${number(seeds)} of ${number(failed)} seeds that failed.</p>`
      : undefined
  return markup`<h3>Seeds that failed</h3>${table('Seeds that failed', columns, rows)}${rest}`
}

function invariants({ invariants: all }: SwarmReport): Markup {
  const rows = all.map(({ name, about, broken }) => [
    broken === 0
      ? markup`<span class="pass">\u2713 held</span>`
      : markup`<span class="fail">\u2717 ${counted(broken, 'seed')}</span>`,
    ...[name, about],
  ])
  return table(
    'Invariants',
    [
      { name: 'result', kind: 'text' },
      { name: 'name', kind: 'text' },
      { name: 'what it says', kind: 'words' },
    ],
    rows,
  )
}

function profiles({ profiles: all }: SwarmReport): Markup {
  const rows = all.map(({ name, seeds, failed, events }) => [
    ...[name, number(seeds), number(failed), number(events), number(seeds === 0 ? 0 : Math.round(events / seeds))],
  ])
  const columns = ['seeds', 'failed', 'events', 'events in a run'].map((name) => ({ name }))
  return table('Profiles', [{ name: 'profile', kind: 'text' }, ...columns], rows)
}

function marks({ reached }: SwarmReport): Markup {
  return table(
    'What was reached',
    [{ name: 'what', kind: 'text' }, { name: 'times' }],
    reached.map(({ name, count }) => [name, number(count)]),
    { isLong: true },
  )
}

/** The last part of the time may not be a whole one, and says nothing then. */
function paceFigure({ pace: { width, counts } }: SwarmReport): Markup | undefined {
  const whole = counts.slice(0, Math.max(1, counts.length - 1))
  if (sum(whole) === 0) return undefined
  const perSec = whole.map((done) => (1000 * done) / width)
  return barsFigure({
    ...{ key: 'pace', title: 'Seeds per second', from: '0s', to: moment(width * whole.length), values: perSec },
    label: `up to ${number(Math.max(...perSec))} a second; each bar is ${moment(width)} of wall time`,
  })
}

function lengthFigure({ lengths: { width, counts } }: SwarmReport): Markup | undefined {
  if (sum(counts) === 0) return undefined
  return barsFigure({
    ...{
      key: 'lengths',
      title: 'Runs by how many events they had',
      from: '0',
      to: number(width * counts.length),
      values: counts,
    },
    label: `each bar is ${counted(width, 'event')} wide`,
  })
}
