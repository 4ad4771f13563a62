import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Greeting, Job, JobAnswer, JobResult } from './load/job.ts'
import { inRoot, runtimePath, start, stop } from './process.ts'

/** A job that takes longer than this hangs. */
const JOB_LIMIT_MS = 120_000

/** The load generator's process, as seen from the driver. */
export class Generator {
  readonly ports: Greeting
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, ports: Greeting) {
    this.#child = child
    this.#lines = lines
    this.ports = ports
  }

  static async start(): Promise<Generator> {
    const args = [inRoot('bench/load/main.ts')]
    const child = start('generator', runtimePath('bun'), args, { stdio: ['pipe', 'pipe', 'inherit'] })
    if (child.stdout === null) throw new Error('the load generator has no output')
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const first = await lines.next()
    if (first.done === true) throw new Error('the load generator did not start')
    return new Generator(child, lines, JSON.parse(first.value) as Greeting)
  }

  async run(job: Job): Promise<JobResult> {
    this.#child.stdin?.write(JSON.stringify(job) + '\n')
    const limit = setTimeout(() => this.#child.kill('SIGKILL'), JOB_LIMIT_MS)
    const line = await this.#lines.next()
    clearTimeout(limit)
    const what = `${job.workload} ${job.way} ${job.mode}`
    if (line.done === true)
      throw new Error(`${what}: the load generator ended or was stopped after ${JOB_LIMIT_MS / 1e3} s`)
    const answer = JSON.parse(line.value) as JobAnswer
    if ('error' in answer) throw new Error(`${what}: ${answer.error}`)
    return answer
  }

  async stop(): Promise<void> {
    await stop(this.#child)
  }
}
