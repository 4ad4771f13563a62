import { connectedShare, servedShare } from '../../attacks/judge.ts'
import { counted, milliseconds, moment, number, percent, size, sum } from '../figures.ts'
import type { LiveReport } from '../live-data.ts'
import { verdictText } from '../verdict-text.ts'
import { leadOf } from '../words.ts'
import { livePlots } from './live-plots.ts'
import { markup, type Markup } from './markup.ts'
import { cards, page, table } from './page.ts'
import { listOf } from './run-section.ts'

/** A scenario that was played against a real proxy, as one page: what could be seen of it from where we were. */
export function livePage(report: LiveReport): string {
  const { run, about, target, command, runtime, speed, remarks } = report
  const title = `${run.scenario}, seed ${run.seed}, live`
  const tookMs = run.virtualMs / speed
  return page(
    `${title} \u2013 Palisade`,
    markup`<h1>${title}</h1>
<p class="about">${about}</p>
<p class="soft">Played against the proxy at ${target} for ${moment(Math.round(tookMs / 1000) * 1000)}\
${speed === 1 ? '' : `, ${number(speed)} times as fast as written`}.</p>
${leadText(report)}
${keyFigures(report)}
${livePlots(report)}
<h3>Assertions</h3>
${assertions(report)}
<h3>Honest clients</h3>
${honestTable(report)}
${run.attack.length === 0 ? undefined : markup`<h3>Attackers</h3>${attackTable(report)}`}
<h3>Not as in the file</h3>
<ul>${remarks.map((remark) => markup`<li>${remark}</li>`)}</ul>
<h3>To play it again</h3>
<pre><code>${command}</code></pre>
<p class="soft">The secrets of the proxy are not on this page: put them into the variables that the command names.</p>
<footer><p><b>Served</b>: answered as a client is. <b>Answered</b>: got other bytes, such as those of the web site that the proxy hides \
behind. <b>Closed</b>: by the proxy, before a byte. <b>Silent</b>: heard nothing for as long as the attacker stayed. <b>Not \
connected</b>: no connection came about.</p>
<p>Played by ${runtime}, in real time: the seed decides who comes when, and all else is measured.</p></footer>`,
  )
}

function leadText({ run, judgements, spans }: LiveReport): Markup {
  const judged = judgements.filter(({ result }) => result !== 'unknown')
  const verdicts = judged.map((each) => ({ ...each, isHeld: each.result === 'pass' }))
  const { verdict, text } = leadOf({ run, verdicts, spans })
  const unknown = judgements.length - judged.length
  const rest = unknown === 0 ? '' : ` ${counted(unknown, 'assertion')} could not be judged from here.`
  const isHeld = verdicts.every((each) => each.isHeld)
  return markup`<p class="${isHeld ? 'lead' : 'lead bad'}"><b>${verdict}</b> ${text}${rest}</p>`
}

function keyFigures({ run, series, hasTelegram, bansByReason, judgements }: LiveReport): Markup {
  const attempts = sum(run.honest.map((group) => group.attempts))
  const came = sum(run.attack.map(({ connections }) => connections))
  const served = sum(run.attack.map((attack) => attack.served))
  const p99 = run.honest.flatMap(({ connectP99Ms }) => connectP99Ms ?? [])
  const most = (values: readonly (number | null)[]) => Math.max(0, ...values.map((value) => value ?? 0))
  const isInside = series.bans !== undefined
  const hasFailed = (name: string) =>
    judgements.some(({ assertion, result }) => assertion === name && result === 'fail')
  const { inside } = series
  return cards([
    {
      name: 'Honest connected',
      value: percent(connectedShare(run.honest)),
      note: `of ${counted(attempts, 'attempt')}`,
    },
    {
      name: 'Time to connect',
      value: milliseconds(p99.length === 0 ? undefined : Math.max(...p99)),
      note: 'p99 of the slowest group',
    },
    ...(hasTelegram
      ? [
          {
            name: 'Throughput lost',
            value: percent(Math.max(...run.honest.map(({ throughputLost }) => throughputLost))),
            note: 'of the group that lost most',
          },
        ]
      : []),
    ...(came === 0
      ? []
      : [{ name: 'Attackers served', value: percent(servedShare(run)), note: `${number(served)} of ${number(came)}` }]),
    ...(isInside
      ? [
          {
            ...{
              name: 'Honest addresses banned',
              value: number(run.honestBanned),
              isBad: hasFailed('honest_banned_max'),
            },
            note: `of ${number(run.honestAddresses)}; bans in all: ${listOf(bansByReason)}`,
          },
        ]
      : []),
    ...(isInside && came > 0
      ? [{ name: 'Noticed after', value: milliseconds(run.detectMs), note: counted(run.alarms, 'alarm') }]
      : []),
    { name: 'Recovered after', value: milliseconds(run.recoverMs), note: 'end of all trouble to the last failure' },
    { name: 'Connections open', value: number(run.openMost), note: 'at most, of everybody' },
    ...(inside === undefined
      ? []
      : [
          { name: 'Secrets tried', value: number(run.trials), note: 'for everybody' },
          { name: 'Memory of the proxy', value: size(most(inside.memoryBytes)), note: 'resident, at most' },
          { name: 'Memory in buffers', value: size(run.poolBytes), note: 'at most since it started' },
          {
            name: 'CPU of the proxy',
            value: `${number(Math.round(most(inside.cpuPercent)))} %`,
            note: 'of one processor, at most',
          },
        ]),
  ])
}

function assertions({ judgements }: LiveReport): Markup {
  const marks = {
    pass: markup`<span class="pass">\u2713 held</span>`,
    fail: markup`<span class="fail">\u2717 failed</span>`,
    unknown: markup`<span class="skip">? not judged</span>`,
  }
  const rows = judgements.map((judgement) => {
    const { what, wanted, found } = verdictText(judgement)
    const { result, why, assertion } = judgement
    return [marks[result], what, wanted, why ?? found, assertion]
  })
  const columns = [
    ...[{ name: 'result', kind: 'text' }, { name: 'what', kind: 'words' }, { name: 'wanted' }, { name: 'found' }],
    { name: 'in the file', kind: 'text' },
  ] as const
  return table('Assertions', columns, rows)
}

function honestTable({ run, hasTelegram }: LiveReport): Markup {
  const rows = run.honest.map(({ name, attempts, connected, connectP99Ms, throughputLost, lost }) => [
    ...[name, number(attempts), percent(attempts === 0 ? 0 : connected / attempts), milliseconds(connectP99Ms)],
    ...(hasTelegram ? [percent(throughputLost)] : []),
    listOf(lost),
  ])
  const columns = [
    { name: 'group', kind: 'text' } as const,
    ...['attempts', 'connected', 'p99 to connect', ...(hasTelegram ? ['throughput lost'] : [])].map((name) => ({
      name,
    })),
    { name: 'lost to', kind: 'words' } as const,
  ]
  return table('Honest clients', columns, rows)
}

function attackTable({ run, ends: all }: LiveReport): Markup {
  const rows = run.attack.map(({ name, connections, gotBytes }, at) => {
    const { served, answered, closed, silent, unmade } = all[at].ends
    const counts = [connections, served, answered, closed, silent, unmade]
    const open = Math.max(0, connections - sum(counts.slice(1)))
    return [name, ...[...counts, open].map(number), size(gotBytes)]
  })
  const names = ['came', 'served', 'answered', 'closed', 'silent', 'not connected', 'open at the end', 'downloaded']
  const columns = [{ name: 'group', kind: 'text' } as const, ...names.map((name) => ({ name }))]
  return table('Attackers', columns, rows)
}
