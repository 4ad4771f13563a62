import { createInterface } from 'node:readline'
import { readCase } from './case.ts'
import { runCase } from './outcome.ts'

/** What a process is asked to run, as a line of JSON. */
export interface Task {
  /** As `caseText` writes it. */
  readonly case: string
  readonly isTwice?: boolean
}

// A process of its own in which cases run: it answers each line of its input with one of JSON, in order, and ends with its input.
for await (const line of createInterface({ input: process.stdin })) {
  const { case: text, isTwice = false } = JSON.parse(line) as Task
  const one = readCase(text)
  if ('problem' in one) throw new Error(one.problem)
  process.stdout.write(`${JSON.stringify(runCase(one, { isTwice }))}\n`)
}
