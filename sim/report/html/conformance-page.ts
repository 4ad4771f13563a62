import type { ConformanceReport } from '../data.ts'
import { counted, milliseconds, number } from '../figures.ts'
import { markup, type Markup } from './markup.ts'
import { page, table } from './page.ts'

type Case = ConformanceReport['cases'][number]

const MARKS: Readonly<Record<Case['verdict'], string>> = {
  pass: '\u2713 pass',
  fail: '\u2717 fail',
  skip: '\u2013 skip',
}

/** What a proxy did in every case that was tried, group by group. */
export function conformancePage({ target, cases }: ConformanceReport): string {
  const title = `Conformance of ${target}`
  const count = (verdict: Case['verdict']) => cases.filter((one) => one.verdict === verdict).length
  const [failed, skipped] = [count('fail'), count('skip')]
  const tried = cases.length - skipped
  const verdict =
    failed === 0
      ? `Passed: all ${counted(tried, 'case')} that could be tried.`
      : `Failed: ${number(failed)} of ${counted(tried, 'case')}.`
  const rest = skipped === 0 ? '' : `${counted(skipped, 'case')} could not be tried; each says what it would take.`
  const groups = [...new Set(cases.map(({ group }) => group))]
  return page(
    `${title} \u2013 Palisade`,
    markup`<h1>${title}</h1>
<p class="${failed === 0 ? 'lead' : 'lead bad'}"><b>${verdict}</b> ${rest}</p>
${failures(cases)}
${groups.map((group) => groupTable(cases.filter((one) => one.group === group)))}
<footer><p>Tried from outside, over real sockets. Times are measured and differ from run to run; \
numbers of cases stay what they are.</p></footer>`,
  )
}

/** Once more and before all else: a table is narrow on a phone. */
function failures(cases: readonly Case[]): Markup | undefined {
  const failed = cases.filter(({ verdict }) => verdict === 'fail')
  if (failed.length === 0) return undefined
  const each = failed.map(({ id, title, why, observed }) => {
    const came = observed === '' ? undefined : markup`<pre>${observed}</pre>`
    return markup`<p><b>${id} ${title}</b>: ${why}${came === undefined ? '.' : '. What came instead:'}</p>${came}`
  })
  return markup`<h3>What failed</h3>${each}`
}

function groupTable(cases: readonly Case[]): Markup {
  const [{ id: first, group }] = cases
  const rows = cases.map(({ id, title, verdict, why, observed, tookMs }) => [
    ...[id, markup`<span class="${verdict}">${MARKS[verdict]}</span>`, title, why, observed],
    verdict === 'skip' ? '\u2013' : milliseconds(tookMs),
  ])
  const columns = [
    ...([
      { name: 'case', kind: 'text' },
      { name: 'result', kind: 'text' },
      { name: 'what', kind: 'words' },
    ] as const),
    ...([
      { name: 'why not', kind: 'words' },
      { name: 'what came instead', kind: 'hex' },
    ] as const),
    { name: 'took' },
  ] as const
  return markup`<h3>${first.split('.')[0]}. ${group}</h3>${table(group, columns, rows)}`
}
