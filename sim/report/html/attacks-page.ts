import { connectedShare, servedShare } from '../../attacks/judge.ts'
import type { AttacksReport, RunOutline } from '../data.ts'
import { counted, milliseconds, number, percent, size, sum } from '../figures.ts'
import { isHeld } from '../words.ts'
import { markup, type Markup } from './markup.ts'
import { page, table } from './page.ts'
import { runSection } from './run-section.ts'

/** Runs of scenarios as one page: the only run alone, or a table of all of them and a section for each that is shown whole. */
export function attacksPage(report: AttacksReport): string {
  const { count, runs, runtime } = report
  const isAlone = count === 1 && runs.length === 1
  const title = isAlone ? `${runs[0].run.scenario}, seed ${runs[0].run.seed}` : titleOf(report)
  const sections = runs.map((run) => runSection(run, anchorOf(run.run), isAlone))
  return page(
    `${title} \u2013 Palisade`,
    markup`${isAlone ? undefined : overview(report, title)}${sections}
<footer>${WORDS}<p>Played on ${runtime}, in virtual time: one seed decides all of it but CPU and memory of the process.</p></footer>`,
  )
}

const WORDS = markup`<p><b>Masked</b>: relayed to the web site that the proxy hides behind. <b>Refused</b>: turned away by \
the guard without a word. <b>Tarpitted</b>: held for a while and told nothing. <b>Discarded</b>: read, and not answered. \
<b>Served</b>: answered as a client is. <b>Other</b>: ended before any of it.</p>`

function titleOf({ outlines, count }: AttacksReport): string {
  const names = [...new Set(outlines.map(({ run }) => run.scenario))]
  const what = names.length === 1 ? names[0] : counted(names.length, 'scenario')
  return `${what}, ${counted(count, 'run')}`
}

function overview({ outlines, runs, command, count }: AttacksReport, title: string): Markup {
  const failed = outlines.filter((outline) => !isHeld(outline)).length
  const attempts = sum(outlines.map(({ run }) => sum(run.honest.map((group) => group.attempts))))
  const came = sum(outlines.map(({ run }) => sum(run.attack.map(({ connections }) => connections))))
  const worst = Math.min(...outlines.map(({ run }) => connectedShare(run.honest)))
  const verdict =
    failed === 0 ? `Held: all ${counted(count, 'run')}.` : `Failed: ${number(failed)} of ${counted(count, 'run')}.`
  const left = count - outlines.length
  const folded = outlines.length - runs.length
  return markup`<h1 id="all">${title}</h1>
<p class="${failed === 0 ? 'lead' : 'lead bad'}"><b>${verdict}</b> ${counted(attempts, 'attempt')} of honest clients and \
${counted(came, 'connection')} of attackers; in the worst run ${percent(worst)} of the honest came to an answer.</p>
${outlineTable(outlines, new Set(runs.map(({ run }) => anchorOf(run))))}
${left === 0 ? undefined : markup`<p class="soft">${counted(left, 'more run')} held and ${left === 1 ? 'is' : 'are'} not in the table.</p>`}
${
  folded === 0
    ? undefined
    : markup`<p class="soft">Below are those that failed, and the first seed of each scenario: \
play another one alone for a page of its own.</p>`
}
<pre><code>${command}</code></pre>`
}

function outlineTable(outlines: readonly RunOutline[], anchors: ReadonlySet<string>): Markup {
  const rows = outlines.map((outline) => {
    const { run, cpuMs } = outline
    const anchor = anchorOf(run)
    const name = `${run.scenario}, ${run.seed}`
    const mark = isHeld(outline) ? markup`<span class="pass">\u2713</span>` : markup`<span class="fail">\u2717</span>`
    const p99 = Math.max(0, ...run.honest.map(({ connectP99Ms = 0 }) => connectP99Ms))
    const came = sum(run.attack.map(({ connections }) => connections))
    return [
      markup`${mark} ${anchors.has(anchor) ? markup`<a href="#${anchor}">${name}</a>` : name}`,
      ...[percent(connectedShare(run.honest)), milliseconds(p99), came === 0 ? '\u2013' : number(came)],
      came === 0 ? '\u2013' : percent(servedShare(run)),
      ...[number(run.bans), number(run.honestBanned), size(run.poolBytes)],
      ...[came === 0 ? '\u2013' : milliseconds(run.detectMs), milliseconds(run.recoverMs), milliseconds(cpuMs)],
    ]
  })
  const columns = [
    { name: 'scenario, seed', kind: 'text' } as const,
    ...['connected', 'p99 to connect', 'attackers', 'served', 'bans', 'honest banned'].map((name) => ({ name })),
    ...['buffers', 'noticed', 'recovered', 'CPU'].map((name) => ({ name })),
  ]
  return table('All runs', columns, rows, { isLong: true })
}

/** Names of scenarios have small letters, digits and "-" only. */
function anchorOf({ scenario, seed }: RunOutline['run']): string {
  return `${scenario}-${seed}`
}
