import { writeFileSync } from 'node:fs'
import { formatAddress } from '../src/config/values/net.ts'
import { countsOf, jsonOf, junitOf, lineOf } from './conformance/report.ts'
import { Wire } from './conformance/wire.ts'
import { writeReport } from './report/file.ts'
import { conformancePage } from './report/html/conformance-page.ts'
import { knownIds, tryAll, type ConformanceOptions } from './conformance/run.ts'

export { checkReportFile } from './report/file.ts'

export type TryOptions = Omit<ConformanceOptions, 'onResult'> & {
  /** One JSON document on standard output in place of lines. */
  readonly isJson: boolean
  /** A file for JUnit's XML. */
  readonly junit?: string
  /** A file for a page about it. */
  readonly report?: string
}

/** Numbers that name no group and no case. */
export function unknownIds(only: readonly string[]): readonly string[] {
  const known = knownIds()
  return only.filter((id) => !known.has(id))
}

/** Tries a proxy from outside, and says of each case how it went; true when none failed. Throws one line where it cannot begin. */
export async function tryConformance(options: TryOptions): Promise<boolean> {
  const { isJson, junit, report, target } = options
  const first = await Wire.open(target, options.answerMs)
  first.close()
  if (junit !== undefined) writeFileSync(junit, '')
  let group = ''
  const results = await tryAll({
    ...options,
    onResult(result) {
      if (isJson) return
      if (result.group !== group) print(`${group === '' ? '' : '\n'}${result.id.split('.')[0]}. ${result.group}`)
      group = result.group
      print(lineOf(result))
    },
  })
  const name = formatAddress(target)
  if (junit !== undefined) writeFileSync(junit, junitOf(name, results))
  if (report !== undefined) writeReport(report, conformancePage({ target: name, cases: results }))
  if (isJson) print(jsonOf(name, results))
  const { pass, fail, skip } = countsOf(results)
  if (!isJson) print(`\n${pass} passed, ${fail} failed, ${skip} skipped`)
  return fail === 0
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
