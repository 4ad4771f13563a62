/**
 * Measures what the proxy costs beside a plain byte relay on the same runtime, in the same run. See docs/benchmarks.md.
 *
 *   node bench/run.ts [--runtime bun|node|both] [--only download,upload,...] [--modes plain,dd,ee] [--rounds N]
 *                     [--proxy program|core] [--quick]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Generator } from './generator.ts'
import { figureOf, PROXY_MODES, type ProxyMode } from './goals.ts'
import { WORKLOADS, type JobResult, type LoadMode, type Workload } from './load/job.ts'
import { inRoot } from './process.ts'
import { table, type Row, type RuntimeName } from './report.ts'
import { compare } from './stats.ts'
import { PROXY_KINDS, startProxy, startRelay, type ProxyKind, type Subject } from './subjects.ts'

interface Plan {
  readonly runtimes: readonly RuntimeName[]
  readonly workloads: readonly Workload[]
  readonly modes: readonly ProxyMode[]
  readonly proxy: ProxyKind
  readonly rounds: number
  readonly amounts: Readonly<Record<Workload, number>>
}

const FULL = { download: 1 << 30, upload: 1 << 29, 'ping-pong': 80_000, 'set-up': 3_000, idle: 5_000 }
const QUICK = { download: 1 << 29, upload: 1 << 28, 'ping-pong': 30_000, 'set-up': 1_000, idle: 5_000 }
const VERIFY_BYTES = 4 << 20

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
    await withSubjects(runtime, async (generator, relay, proxy) => {
      await verifyAll(generator, relay, proxy)
      for (const workload of busy) rows.push(...(await measureBusy(runtime, workload, generator, relay, proxy)))
    })
  }
  if (plan.workloads.includes('idle')) rows.push(...(await measureIdle(runtime)))
  return rows
}

/** A wrong proxy gets no figures: every mode first carries random bytes both ways under real ciphers. */
async function verifyAll(generator: Generator, relay: Subject, proxy: Subject): Promise<void> {
  await generator.run({ workload: 'verify', mode: 'raw', port: relay.port, pid: relay.pid, amount: VERIFY_BYTES })
  for (const mode of plan.modes) {
    await generator.run({ workload: 'verify', mode, port: proxy.port, pid: proxy.pid, amount: VERIFY_BYTES })
  }
}

/** Rounds of relay, mode, mode, mode; the first one, a short one, warms up and does not count. */
async function measureBusy(
  runtime: RuntimeName,
  workload: Workload,
  generator: Generator,
  relay: Subject,
  proxy: Subject,
): Promise<Row[]> {
  const modes: readonly LoadMode[] = ['raw', ...plan.modes]
  const figures = new Map<LoadMode, number[]>(modes.map((mode) => [mode, []]))
  for (let round = 0; round <= plan.rounds; round++) {
    for (const mode of round % 2 === 0 ? modes : modes.toReversed()) {
      const { pid, port } = mode === 'raw' ? relay : proxy
      const amount = round === 0 ? Math.ceil(plan.amounts[workload] / 4) : plan.amounts[workload]
      const result = await generator.run({ workload, mode, pid, port, amount })
      tell(runtime, workload, mode, round, result)
      if (round > 0) figures.get(mode)?.push(figureOf(workload, result))
    }
  }
  return rowsOf(runtime, workload, figures, plan.rounds)
}

/** Memory is seen in fresh processes, one a mode: what earlier runs left behind would count otherwise. */
async function measureIdle(runtime: RuntimeName): Promise<Row[]> {
  const figures = new Map<LoadMode, number[]>()
  for (const mode of ['raw', ...plan.modes] as const) {
    await withSubjects(runtime, async (generator, relay, proxy) => {
      const { pid, port } = mode === 'raw' ? relay : proxy
      const result = await generator.run({ workload: 'idle', mode, pid, port, amount: plan.amounts.idle })
      tell(runtime, 'idle', mode, 1, result)
      figures.set(mode, [figureOf('idle', result)])
    })
  }
  return rowsOf(runtime, 'idle', figures, 1)
}

function rowsOf(runtime: RuntimeName, workload: Workload, figures: Map<LoadMode, number[]>, rounds: number): Row[] {
  const relay = figures.get('raw') ?? []
  return plan.modes.map((mode) => ({
    runtime,
    workload,
    mode,
    comparison: compare(relay, figures.get(mode) ?? []),
    rounds,
  }))
}

async function withSubjects(
  runtime: RuntimeName,
  run: (generator: Generator, relay: Subject, proxy: Subject) => Promise<void>,
): Promise<void> {
  const generator = await Generator.start()
  const started: { stop(): Promise<void> }[] = [generator]
  try {
    const relay = await startRelay(runtime, generator.dcPort)
    started.push(relay)
    const proxy = await startProxy(plan.proxy, runtime, generator.dcPort)
    started.push(proxy)
    await run(generator, relay, proxy)
  } finally {
    for (const one of started.toReversed()) await one.stop()
  }
}

/** Progress to stderr; `busy` near 100 % says that the subject, not the generator, was the narrow place. */
function tell(runtime: RuntimeName, workload: Workload, mode: LoadMode, round: number, result: JobResult): void {
  const figure = figureOf(workload, result).toFixed(2)
  const busy = ((100 * result.cpuMs) / result.wallMs).toFixed(0)
  console.error(`${runtime} ${workload} ${mode} round ${round}: ${figure} (subject busy ${busy} %)`)
}

function readPlan(): Plan {
  const { values } = parseArgs({
    options: {
      runtime: { type: 'string', default: 'both' },
      only: { type: 'string', default: WORKLOADS.join(',') },
      modes: { type: 'string', default: PROXY_MODES.join(',') },
      proxy: { type: 'string', default: 'program' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  })
  return {
    runtimes: values.runtime === 'both' ? ['bun', 'node'] : [pick(['bun', 'node'], values.runtime)],
    workloads: values.only.split(',').map((name) => pick(WORKLOADS, name)),
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
