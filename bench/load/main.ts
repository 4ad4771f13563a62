/**
 * The load generator: clients, DC and middle proxy in one process, always on Bun, so that both subjects and both runtimes meet the
 * same load. Reads one job a line from its input and answers one line each; first it says where those listen.
 */
import { createInterface } from 'node:readline'
import { Dc } from './dc.ts'
import type { Greeting, Job, JobAnswer, JobResult } from './job.ts'
import { Middle } from './middle.ts'
import { verifyMiddle } from './middle-verify.ts'
import * as byMiddle from './middle-workloads.ts'
import { verify } from './verify.ts'
import { download, idle, pingPong, setUp, upload, visit } from './workloads.ts'

const dc = new Dc()
const middle = new Middle()

type Runs = Readonly<Record<Job['workload'], (job: Job) => Promise<JobResult>>>

const DIRECT: Runs = {
  verify: (job) => verify(dc, job),
  download: (job) => download(dc, job),
  upload: (job) => upload(dc, job),
  'ping-pong': (job) => pingPong(dc, job),
  'set-up': (job) => setUp(dc, job),
  idle: (job) => idle(dc, job),
  visit: (job) => visit(dc, job),
}

const MIDDLE: Runs = {
  verify: (job) => verifyMiddle(middle, job),
  download: (job) => byMiddle.download(middle, job),
  upload: () => Promise.reject(new Error('there is no upload by middle proxy')),
  'ping-pong': (job) => byMiddle.pingPong(middle, job),
  'set-up': (job) => byMiddle.setUp(middle, job),
  idle: (job) => byMiddle.idle(middle, job),
  visit: () => Promise.reject(new Error('there are no visits by middle proxy')),
}

say({ dcPort: dc.port, middlePort: middle.port })
for await (const line of createInterface({ input: process.stdin })) {
  const job = JSON.parse(line) as Job
  try {
    say(await (job.way === 'middle' ? MIDDLE : DIRECT)[job.workload](job))
  } catch (error) {
    say({ error: error instanceof Error ? error.message : String(error) })
  }
}
process.exit(0)

function say(answer: Greeting | JobAnswer): void {
  process.stdout.write(JSON.stringify(answer) + '\n')
}
