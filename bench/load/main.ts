/**
 * The load generator: clients and DC in one process, always on Bun, so that both subjects and both runtimes meet the
 * same load. Reads one job a line from its input and answers one line each; first it says where its DC listens.
 */
import { createInterface } from 'node:readline'
import { Dc } from './dc.ts'
import type { Greeting, Job, JobAnswer } from './job.ts'
import { verify } from './verify.ts'
import { download, idle, pingPong, setUp, upload, type RunWorkload } from './workloads.ts'

const RUN: Readonly<Record<Job['workload'], RunWorkload>> = {
  verify,
  download,
  upload,
  'ping-pong': pingPong,
  'set-up': setUp,
  idle,
}

const dc = new Dc()
say({ dcPort: dc.port })
for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line) as Job
  try {
    say(await RUN[job.workload](dc, job))
  } catch (error) {
    say({ error: error instanceof Error ? error.message : String(error) })
  }
}
process.exit(0)

function say(answer: Greeting | JobAnswer): void {
  process.stdout.write(JSON.stringify(answer) + '\n')
}
