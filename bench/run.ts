/**
 * Measures what the proxy costs beside a plain byte relay on the same runtime, in the same run. See docs/benchmarks.md.
 *
 *   node bench/run.ts [--runtime bun|node|both] [--only download,upload,...] [--ways direct,middle] [--modes plain,dd,ee]
 *                     [--rounds N] [--proxy program|core] [--quick]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Generator } from './generator.ts'
import { figureOf, hasWorkload, PROXY_MODES, type ProxyMode } from './goals.ts'
import { WAYS, WORKLOADS, type JobResult, type LoadMode, type Way, type Workload } from './load/job.ts'
import { inRoot } from './process.ts'
import { table, type Row, type RuntimeName } from './report.ts'
import { compare } from './stats.ts'
import { PROXY_KINDS, startProxy, startRelay, type ProxyKind, type Subject } from './subjects.ts'

/** What is compared with the relay: one way of the proxy in one mode. */
interface Lane {
  readonly way: Way
  readonly mode: LoadMode
}

interface Stage {
  readonly generator: Generator
  readonly relay: Subject
  /** One for each way of the plan. */
  readonly proxies: ReadonlyMap<Way, Subject>
}

interface Plan {
  readonly runtimes: readonly RuntimeName[]
  readonly workloads: readonly Workload[]
  readonly ways: readonly Way[]
  readonly modes: readonly ProxyMode[]
  readonly proxy: ProxyKind
  readonly rounds: number
  readonly amounts: Readonly<Record<Workload, number>>
}

const FULL = { download: 1 << 30, upload: 1 << 29, 'ping-pong': 80_000, 'set-up': 3_000, idle: 5_000 }
const QUICK = { download: 1 << 29, upload: 1 << 28, 'ping-pong': 30_000, 'set-up': 1_000, idle: 5_000 }
const VERIFY_BYTES = 4 << 20

const RELAY: Lane = { way: 'direct', mode: 'raw' }

const plan = readPlan()
const rows: Row[] = []
for (const runtime of plan.runtimes) {
  const own = await measureRuntime(runtime)
  rows.push(...own)
  console.log(`\n${runtime}\n\n${table(own)}`)
}
mkdirSync(inRoot('bench/results'), { recursive: true })
writeFileSync(inRoot('bench/results/latest.json'), JSON.stringify(rows, undefined, 2) + '\n')

async function measureRuntime(runtime: RuntimeName): Promise<Row[]> {
  const rows: Row[] = []
  const busy = plan.workloads.filter((workload) => workload !== 'idle')
  if (busy.length > 0) {
    await withStage(runtime, async (stage) => {
      await verifyAll(stage)
      for (const workload of busy) rows.push(...(await measureBusy(runtime, workload, stage)))
    })
  }
  if (plan.workloads.includes('idle')) rows.push(...(await measureIdle(runtime)))
  return rows
}

/** A wrong proxy gets no figures: every lane first carries random bytes both ways under real ciphers. */
async function verifyAll(stage: Stage): Promise<void> {
  const lanes = plan.ways.flatMap((way) => plan.modes.map((mode) => ({ way, mode })))
  for (const lane of [RELAY, ...lanes]) await run(stage, 'verify', lane, VERIFY_BYTES)
}

/** Rounds of the relay and all lanes; the first one, a short one, warms up and does not count. */
async function measureBusy(runtime: RuntimeName, workload: Workload, stage: Stage): Promise<Row[]> {
  const lanes = [RELAY, ...lanesOf(workload)]
  const figures = new Map<Lane, number[]>(lanes.map((lane) => [lane, []]))
  for (let round = 0; round <= plan.rounds; round++) {
    for (const lane of round % 2 === 0 ? lanes : lanes.toReversed()) {
      const amount = round === 0 ? Math.ceil(plan.amounts[workload] / 4) : plan.amounts[workload]
      const result = await run(stage, workload, lane, amount)
      tell(runtime, workload, lane, round, result)
      if (round > 0) figures.get(lane)?.push(figureOf(workload, result))
    }
  }
  return rowsOf(runtime, workload, figures, plan.rounds)
}

/** Memory is seen in fresh processes, one a lane: what earlier runs left behind would count otherwise. */
async function measureIdle(runtime: RuntimeName): Promise<Row[]> {
  const figures = new Map<Lane, number[]>()
  for (const lane of [RELAY, ...lanesOf('idle')]) {
    await withStage(runtime, async (stage) => {
      const result = await run(stage, 'idle', lane, plan.amounts.idle)
      tell(runtime, 'idle', lane, 1, result)
      figures.set(lane, [figureOf('idle', result)])
    })
  }
  return rowsOf(runtime, 'idle', figures, 1)
}

/** All that is compared with the relay in that workload. */
function lanesOf(workload: Workload): { way: Way; mode: ProxyMode }[] {
  const ways = plan.ways.filter((way) => hasWorkload(way, workload))
  return ways.flatMap((way) => plan.modes.map((mode) => ({ way, mode })))
}

async function run(stage: Stage, workload: Workload | 'verify', lane: Lane, amount: number): Promise<JobResult> {
  const subject = lane === RELAY ? stage.relay : stage.proxies.get(lane.way)
  if (subject === undefined) throw new Error(`nobody was started for ${lane.way}`)
  const { pid, port } = subject
  return await stage.generator.run({ ...lane, workload, pid, port, amount })
}

function rowsOf(runtime: RuntimeName, workload: Workload, figures: Map<Lane, number[]>, rounds: number): Row[] {
  const [relay = [], ...proxies] = figures.values()
  return [...figures.keys()].slice(1).map(({ way, mode }, i) => {
    if (mode === 'raw') throw new Error('the relay is compared with nothing')
    return { runtime, workload, way, mode, comparison: compare(relay, proxies[i]), rounds }
  })
}

async function withStage(runtime: RuntimeName, use: (stage: Stage) => Promise<void>): Promise<void> {
  const generator = await Generator.start()
  const started: { stop(): Promise<void> }[] = [generator]
  try {
    const relay = await startRelay(runtime, generator.ports.dcPort)
    started.push(relay)
    const proxies = new Map<Way, Subject>()
    for (const way of plan.ways) {
      const proxy = await startProxy(runtime, { kind: plan.proxy, way, ports: generator.ports })
      started.push(proxy)
      proxies.set(way, proxy)
    }
    await use({ generator, relay, proxies })
  } finally {
    for (const one of started.toReversed()) await one.stop()
  }
}

/** Progress to stderr; `busy` near 100 % says that the subject, not the generator, was the narrow place. */
function tell(runtime: RuntimeName, workload: Workload, { way, mode }: Lane, round: number, result: JobResult): void {
  const figure = figureOf(workload, result).toFixed(2)
  const busy = ((100 * result.cpuMs) / result.wallMs).toFixed(0)
  console.error(`${runtime} ${workload} ${way} ${mode} round ${round}: ${figure} (subject busy ${busy} %)`)
}

function readPlan(): Plan {
  const { values } = parseArgs({
    options: {
      runtime: { type: 'string', default: 'both' },
      only: { type: 'string', default: WORKLOADS.join(',') },
      ways: { type: 'string', default: WAYS.join(',') },
      modes: { type: 'string', default: PROXY_MODES.join(',') },
      proxy: { type: 'string', default: 'program' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  })
  return {
    runtimes: values.runtime === 'both' ? ['bun', 'node'] : [pick(['bun', 'node'], values.runtime)],
    workloads: values.only.split(',').map((name) => pick(WORKLOADS, name)),
    ways: values.ways.split(',').map((name) => pick(WAYS, name)),
    modes: values.modes.split(',').map((name) => pick(PROXY_MODES, name)),
    proxy: pick(PROXY_KINDS, values.proxy),
    rounds: Number(values.rounds ?? (values.quick ? 3 : 7)),
    amounts: values.quick ? QUICK : FULL,
  }
}

function pick<T extends string>(known: readonly T[], name: string): T {
  const found = known.find((one) => one === name)
  if (found === undefined) throw new Error(`unknown: ${name}; known: ${known.join(', ')}`)
  return found
}
