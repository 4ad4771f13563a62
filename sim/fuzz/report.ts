import type { Finding } from './fuzzer.ts'
import type { Report } from './order.ts'

const HEAD = ['target', 'executions', 'per second', 'branches', 'inputs', 'findings']
const STACK_LINES = 6

/** A line for each target, columns under each other. */
export function tableOf(reports: ReadonlyMap<string, Report>): string {
  const rows = [...reports].map(([name, { executions, seconds, taken, known, queue, findings }]) => {
    const perSecond = Math.round(executions / Math.max(seconds, 0.001))
    return [name, grouped(executions), grouped(perSecond), `${taken} of ${known}`, grouped(queue), `${findings.length}`]
  })
  const all = [HEAD, ...rows]
  const widths = HEAD.map((_, at) => Math.max(...all.map((row) => row[at].length)))
  const cell = (text: string, at: number) => (at === 0 ? text.padEnd(widths[at]) : text.padStart(widths[at]))
  return all.map((row) => row.map(cell).join('  ')).join('\n')
}

/** What was found, where, and how to see it again. */
export function findingText(name: string, { stack, input }: Finding): string {
  const where = stack.split('\n').slice(0, STACK_LINES).join('\n')
  const hex = Buffer.from(input).toString('hex')
  return `${name}: ${where}\n  to see it again: npm run sim:fuzz -- ${name} --input "${hex}"`
}

/** 1234567 as 1,234,567. */
function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}
