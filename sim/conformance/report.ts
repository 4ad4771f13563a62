import type { Result, Verdict } from './case.ts'

const MARKS: Readonly<Record<Verdict, string>> = { pass: 'pass', fail: 'FAIL', skip: 'skip' }

/** One line of a result, for a terminal. */
export function lineOf({ id, title, verdict, why, observed }: Result): string {
  const what = `${MARKS[verdict]}  ${id.padEnd(5)} ${title}`
  if (verdict === 'pass') return what
  return `${what}\n            ${why}${observed === '' ? '' : `\n            came: ${observed}`}`
}

export function countsOf(results: readonly Result[]): Readonly<Record<Verdict, number>> {
  const counts = { pass: 0, fail: 0, skip: 0 }
  for (const { verdict } of results) counts[verdict]++
  return counts
}

export function jsonOf(target: string, results: readonly Result[]): string {
  return JSON.stringify({ target, ...countsOf(results), results }, undefined, 2)
}

/** JUnit's form, as services for continuous integration read it: a suite for each group. */
export function junitOf(target: string, results: readonly Result[]): string {
  const { fail, skip } = countsOf(results)
  const groups = [...new Set(results.map(({ group }) => group))]
  const suites = groups.map((group) =>
    suiteOf(
      group,
      results.filter((result) => result.group === group),
    ),
  )
  const head = `<testsuites name="conformance of ${escaped(target)}" tests="${results.length}" failures="${fail}" skipped="${skip}">`
  return `<?xml version="1.0" encoding="UTF-8"?>\n${head}\n${suites.join('\n')}\n</testsuites>\n`
}

function suiteOf(group: string, results: readonly Result[]): string {
  const { fail, skip } = countsOf(results)
  const cases = results.map(({ id, title, verdict, why, observed, tookMs }) => {
    const name = `<testcase classname="${escaped(group)}" name="${id} ${escaped(title)}" time="${(tookMs / 1000).toFixed(3)}"`
    if (verdict === 'pass') return `    ${name}/>`
    const element = verdict === 'skip' ? 'skipped' : 'failure'
    return `    ${name}><${element} message="${escaped(why)}">${observed}</${element}></testcase>`
  })
  const sizes = `tests="${results.length}" failures="${fail}" skipped="${skip}"`
  return `  <testsuite name="${escaped(group)}" ${sizes}>\n${cases.join('\n')}\n  </testsuite>`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Characters that XML has no way to write are left out. */
function escaped(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\uffff]/g, '').replaceAll(/[&<>"]/g, (found) => ENTITIES[found])
}
