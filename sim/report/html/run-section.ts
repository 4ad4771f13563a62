import { connectedShare, servedShare } from '../../attacks/judge.ts'
import type { Counts } from '../../attacks/tally.ts'
import type { RunReport } from '../data.ts'
import { counted, milliseconds, moment, number, percent, size, sum } from '../figures.ts'
import { leadOf, isHeld } from '../words.ts'
import { verdictText } from '../verdict-text.ts'
import { markup, type Markup } from './markup.ts'
import { cards, table } from './page.ts'
import { runPlots } from './run-plots.ts'

/** One run, from a sentence to its last figure. */
export function runSection(report: RunReport, id: string, isAlone: boolean): Markup {
  const { run, about, command } = report
  const heading = `${run.scenario}, seed ${run.seed}`
  const { verdict, text } = leadOf(report)
  return markup`<section id="${id}" data-run="${heading}">
${isAlone ? markup`<h1>${heading}</h1>` : markup`<h2>${heading}</h2>`}
<p class="about">${about}</p>
<p class="${isHeld(report) ? 'lead' : 'lead bad'}"><b>${verdict}</b> ${text}</p>
${keyFigures(report)}
${runPlots(report)}
<h3>Assertions</h3>
${assertions(report)}
<h3>Honest clients</h3>
${honestTable(report)}
${run.attack.length === 0 ? undefined : markup`<h3>Attackers</h3>${attackTable(report)}`}
<h3>To play it again</h3>
<pre><code>${command}</code></pre>
${isAlone ? undefined : markup`<p><a href="#all">All runs</a></p>`}
</section>`
}

function keyFigures({ run, verdicts, cpuMs, rssBytes, poolCeilingBytes }: RunReport): Markup {
  const served = sum(run.attack.map((attack) => attack.served))
  const came = sum(run.attack.map(({ connections }) => connections))
  const attempts = sum(run.honest.map((group) => group.attempts))
  const p99 = Math.max(0, ...run.honest.map(({ connectP99Ms = 0 }) => connectP99Ms))
  const lost = Math.max(...run.honest.map(({ throughputLost }) => throughputLost))
  const trouble =
    came === 0
      ? []
      : [{ name: 'Attackers served', value: percent(servedShare(run)), note: `${number(served)} of ${number(came)}` }]
  const banned = {
    name: 'Honest addresses banned',
    value: number(run.honestBanned),
    note: `of ${number(run.honestAddresses)}; ${counted(run.bans, 'ban')} in all`,
  }
  return cards([
    {
      name: 'Honest connected',
      value: percent(connectedShare(run.honest)),
      note: `of ${counted(attempts, 'attempt')}`,
    },
    { name: 'Time to connect', value: milliseconds(p99), note: 'p99 of the slowest group' },
    { name: 'Throughput lost', value: percent(lost), note: 'of the group that lost most' },
    ...trouble,
    { ...banned, isBad: verdicts.some((verdict) => verdict.assertion === 'honest_banned_max' && !verdict.isHeld) },
    ...(came === 0
      ? []
      : [{ name: 'Noticed after', value: milliseconds(run.detectMs), note: `${counted(run.alarms, 'alarm')}` }]),
    { name: 'Recovered after', value: milliseconds(run.recoverMs), note: 'end of all trouble to the last failure' },
    { name: 'Secrets tried', value: number(run.trials), note: 'for everybody' },
    { name: 'Memory in buffers', value: size(run.poolBytes), note: `at most, of ${size(poolCeilingBytes)}` },
    { name: 'Sources tracked', value: number(run.sources), note: `${number(run.openMost)} connections open at most` },
    { name: 'CPU', value: milliseconds(cpuMs), note: `for ${moment(run.virtualMs)} of virtual time; measured` },
    { name: 'Memory of the process', value: size(rssBytes), note: 'simulated people included; measured' },
  ])
}

function assertions({ verdicts, run }: RunReport): Markup {
  const rows = verdicts.map((verdict) => {
    const { what, wanted, found } = verdictText(verdict)
    const mark = verdict.isHeld
      ? markup`<span class="pass">\u2713 held</span>`
      : markup`<span class="fail">\u2717 failed</span>`
    return [mark, what, wanted, found, verdict.assertion]
  })
  const note = markup`<p class="soft">The proxy\u2019s own assertions were checked through all ${number(run.events)} events.</p>`
  const columns = [
    ...[{ name: 'result', kind: 'text' }, { name: 'what', kind: 'words' }, { name: 'wanted' }, { name: 'found' }],
    { name: 'in the file', kind: 'text' },
  ] as const
  return markup`${table('Assertions', columns, rows)}${note}`
}

function honestTable({ run }: RunReport): Markup {
  const rows = run.honest.map(({ name, attempts, connected, connectP99Ms, throughputLost, lost }) => [
    ...[name, number(attempts), percent(attempts === 0 ? 0 : connected / attempts), milliseconds(connectP99Ms)],
    ...[percent(throughputLost), listOf(lost)],
  ])
  const turnedAway = markup`<p class="soft">What the proxy said of honest clients that it did not take: ${listOf(run.honestRejected)}. \
Some come and say nothing, as phones that lose their network do.</p>`
  const columns = [
    { name: 'group', kind: 'text' },
    ...[{ name: 'attempts' }, { name: 'connected' }, { name: 'p99 to connect' }, { name: 'throughput lost' }],
    { name: 'lost to', kind: 'words' },
  ] as const
  return markup`${table('Honest clients', columns, rows)}${turnedAway}`
}

function attackTable({ run }: RunReport): Markup {
  const rows = run.attack.map((attack) => [
    ...[attack.name, number(attack.connections), number(attack.served), number(attack.trials)],
    ...[size(attack.maskedBytes), listOf(attack.rejected), listOf(attack.closed)],
  ])
  const columns = [
    { name: 'group', kind: 'text' },
    ...[{ name: 'came' }, { name: 'served' }, { name: 'trials' }, { name: 'masked' }],
    ...([
      { name: 'rejected as', kind: 'words' },
      { name: 'closed as', kind: 'words' },
    ] as const),
  ] as const
  return table('Attackers', columns, rows)
}

/** Most frequent first. */
export function listOf(counts: Counts): string {
  const entries = Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  return entries.length === 0 ? 'nothing' : entries.map(([what, count]) => `${number(count)} ${what}`).join(', ')
}
