/**
 * How well a decision tree tells the real program from a real web site behind it, over the loopback: see docs/benchmarks.md.
 *
 *   sh scripts/offline.sh node bench/probing.ts [--runtime bun|node] [--each 30] [--seed 1]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { makeClientHello } from '../src/core/protocol/faketls/make-hello.ts'
import { chanceWidth, distinguish } from '../sim/probing/auc.ts'
import { AUC_MAX } from '../sim/probing/measure.ts'
import { PROBES, type ProbeContext, type ProbeKind } from '../sim/probing/probes.ts'
import { CONTENT, FEATURES, rowOf, type Visit } from '../sim/probing/visit.ts'
import { SeededRandom } from '../sim/world/random.ts'
import { visitLive } from './probing/live.ts'
import { inRoot, runtimePath, start, stop } from './process.ts'
import type { RuntimeName } from './report.ts'
import { startConfigured, startRelay } from './subjects.ts'

const DOMAIN = 'www.example.com'
const KEY = '0123456789abcdef0123456789abcdef'
const SKEW_SEC = 120
/** Longer than anything but a site's own patience takes. */
const PATIENCE_MS = 400
const AT_A_TIME = 16
const RECORDED = 50
/** A hop shows in when the first answer comes, and in little else. */
const FIRST = ['firstMs', 'firstMs - connectMs']
const SIGHTS: readonly { readonly title: string; readonly features: readonly string[] }[] = [
  { title: 'what came, and how it ended', features: CONTENT },
  { title: 'and times, but for the first answer', features: FEATURES.filter((name) => !FIRST.includes(name)) },
  { title: 'and when the first answer came', features: FEATURES },
]

interface Sample {
  readonly kind: ProbeKind
  readonly isOurs: boolean
  readonly visit: Visit
}

const { values } = parseArgs({
  options: {
    runtime: { type: 'string' },
    each: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
  },
})
const [each, seed] = [values.each, values.seed].map(Number)
for (const runtime of ['bun', 'node'] as const)
  for (const dial of ['late', 'early', 'relay'] as const)
    if (values.runtime === undefined || values.runtime === runtime) await measure(runtime, dial)

/** `relay`: in our place one that passes bytes on and decides nothing, to see what a hop costs by itself. */
async function measure(runtime: RuntimeName, dial: 'late' | 'early' | 'relay'): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-probing-'))
  const site = await startSite(folder)
  const subject = await (dial === 'relay'
    ? startRelay(runtime, site.port)
    : startConfigured(runtime, folder, configFor(site.port, dial)))
  try {
    const samples = await probeBoth(subject.port, site.port)
    report(dial === 'relay' ? `a plain relay on ${runtime}` : `${runtime}, mask.dial = "${dial}"`, samples)
  } finally {
    await subject.stop()
    await site.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function startSite(folder: string): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const names = ['-subj', `/CN=${DOMAIN}`, '-keyout', key, '-out', certificate]
  execFileSync('openssl', [...request, ...names], { stdio: 'ignore' })
  const args = [inRoot('bench/probing/site.ts'), key, certificate]
  const child = start('subject', runtimePath('node'), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout! }))
    return { port: Number(line), stop: () => stop(child) }
  throw new Error('the mask site did not start')
}

async function probeBoth(proxyPort: number, sitePort: number): Promise<readonly Sample[]> {
  const random = new SeededRandom(seed, 'live probes')
  const tape = await record(random, proxyPort)
  const context: ProbeContext = {
    ...{ random, domains: [DOMAIN], skewSec: SKEW_SEC },
    get wallSec() {
      return Math.floor(Date.now() / 1000)
    },
    recorded: () => random.pick(tape).slice(),
    lost: (stamp) => helloAt(random, stamp),
  }
  const tasks = PROBES.flatMap((kind) => Array.from({ length: 2 * each }, (_, at) => ({ kind, isOurs: at % 2 === 0 })))
  for (let at = tasks.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    ;[tasks[at], tasks[other]] = [tasks[other], tasks[at]]
  }
  const samples: Sample[] = []
  const work = async () => {
    for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
      const from = `127.${random.between(1, 250)}.${random.below(250)}.${random.between(1, 250)}`
      const probe = task.kind.make(context)
      samples.push({
        ...task,
        visit: await visitLive(probe, task.isOurs ? proxyPort : sitePort, from, PATIENCE_MS),
      })
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  return samples
}

/** Hellos of honest clients, each of which was answered once. */
async function record(random: SeededRandom, port: number): Promise<readonly Uint8Array[]> {
  const tape: Uint8Array[] = []
  for (let at = 0; at < RECORDED; at++) {
    const bytes = helloAt(random, Math.floor(Date.now() / 1000))
    await visitLive(
      { pieces: [{ afterMs: 0, bytes }], ending: { how: 'end', afterMs: 20 } },
      port,
      '127.0.0.1',
      PATIENCE_MS,
    )
    tape.push(bytes)
  }
  return tape
}

function helloAt(random: SeededRandom, stamp: number): Uint8Array {
  return makeClientHello({ random, domain: DOMAIN, secret: Buffer.from(KEY, 'hex'), stamp }).record
}

function report(title: string, samples: readonly Sample[]): void {
  print(title)
  for (const { title: sight, features } of SIGHTS) print(lineOf(sight, samples, features))
  for (const kind of PROBES) {
    const ofKind = samples.filter((sample) => sample.kind === kind)
    if (auc(ofKind, CONTENT).auc > AUC_MAX) print(lineOf(`TOLD APART: ${kind.id} ${kind.name}`, ofKind, CONTENT))
  }
}

function lineOf(title: string, samples: readonly Sample[], features: readonly string[]): string {
  const { auc: area, mostTelling } = auc(samples, features)
  const perClass = samples.filter(({ isOurs }) => isOurs).length
  const chance = `±${chanceWidth(perClass).toFixed(3)}`
  return `  ${title.padEnd(44)} ${String(perClass).padStart(6)} a class  ${area.toFixed(3)} ${chance}  ${mostTelling}`.trimEnd()
}

/** What was said is known to whoever said it. */
function auc(samples: readonly Sample[], features: readonly string[]) {
  const at = features.map((name) => (FEATURES as readonly string[]).indexOf(name))
  const rows = (isOurs: boolean) =>
    samples
      .filter((sample) => sample.isOurs === isOurs)
      .map(({ kind, visit }) => [...at.map((index) => rowOf(visit)[index]), PROBES.indexOf(kind)])
  const { auc: area, mostTelling = -1 } = distinguish(rows(true), rows(false))
  return { auc: area, mostTelling: [...features, 'kind of probe'][mostTelling] ?? '' }
}

function configFor(sitePort: number, dial: string): string {
  return `[listen]
address = ["127.0.0.1:0"]
[[secret]]
name = "a"
key = "${KEY}"
domain = "${DOMAIN}"
[mask]
host = "127.0.0.1"
port = ${sitePort}
dial = "${dial}"
[telegram]
mode = "direct"
[metrics]
listen = "127.0.0.1:0"
`
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
