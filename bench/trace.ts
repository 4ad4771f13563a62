/**
 * Measures what recording connection events costs: visits, or connections that are set up and say nothing, through the program while
 * a reload turns the trace on and off in turns, and beside it the recorder alone. See docs/benchmarks.md.
 *
 *   node bench/trace.ts [--runtime bun|node] [--workload visit|set-up] [--rounds N] [--amount CONNECTIONS]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Generator } from './generator.ts'
import type { RuntimeName } from './report.ts'
import { compare } from './stats.ts'
import { configFor, startConfigured } from './subjects.ts'
import { recorderUs } from './trace-recorder.ts'

const RELOAD_LIMIT_MS = 10_000
const MOST_RATIO = 1.02

const { values } = parseArgs({
  options: {
    runtime: { type: 'string', default: 'bun' },
    workload: { type: 'string', default: 'visit' },
    rounds: { type: 'string', default: '16' },
    amount: { type: 'string', default: '4000' },
  },
})
const workload = values.workload === 'set-up' ? 'set-up' : 'visit'
const [rounds, amount] = [Number(values.rounds), Number(values.amount)]
const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-'))
const file = join(folder, 'palisade.toml')
const generator = await Generator.start()
const text = configFor({ kind: 'program', way: 'direct', ports: generator.ports })
const subject = await startConfigured(values.runtime as RuntimeName, folder, text)
let reloads = 0
try {
  const costs: Record<'off' | 'on', number[]> = { off: [], on: [] }
  for (let round = 0; round <= rounds; round++) {
    // The first round warms up, and does not count.
    for (const state of round % 2 === 0 ? (['off', 'on'] as const) : (['on', 'off'] as const)) {
      await turn(state)
      const { pid, port } = subject
      // Padded ones: of fake-TLS hellos the replay ring takes 24,576 in a few minutes, which is less than noise asks for.
      const result = await generator.run({ workload, way: 'direct', mode: 'dd', pid, port, amount })
      const us = (1000 * result.cpuMs) / result.amount
      console.log(`round ${round}, trace ${state.padEnd(3)}: ${us.toFixed(1)} us of CPU a connection`)
      if (round > 0) costs[state].push(us)
    }
  }
  const { relay: off, proxy: on, ratio, ratioMin, ratioMax } = compare(costs.off, costs.on)
  const alone = recorderUs()
  console.log(
    `\n${values.runtime}, ${workload}: ${off.toFixed(1)} us a connection without, ${on.toFixed(1)} us with the trace`,
  )
  console.log(`ratio ${ratio.toFixed(3)} (of single rounds: ${ratioMin.toFixed(3)} to ${ratioMax.toFixed(3)})`)
  console.log(
    `the recorder alone, in this process: ${alone.toFixed(2)} us a connection, ${((100 * alone) / off).toFixed(2)} %`,
  )
  process.exitCode = ratio <= MOST_RATIO ? 0 : 1
} finally {
  await subject.stop()
  await generator.stop()
  rmSync(folder, { recursive: true, force: true })
}

/** By a reload, and returns when it holds. */
async function turn(state: 'off' | 'on'): Promise<void> {
  writeFileSync(file, state === 'off' ? text : `${text}[trace]\npath = "trace"\n`)
  process.kill(subject.pid, 'SIGHUP')
  reloads++
  for (let waitedMs = 0; waitedMs < RELOAD_LIMIT_MS; waitedMs += 20) {
    await sleep(20)
    const applied = readFileSync(join(folder, 'log'), 'utf8').split('"reload.applied"').length - 1
    if (applied >= reloads) return
  }
  throw new Error('the program did not reload')
}
