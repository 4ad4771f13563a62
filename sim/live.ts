import type { Address, Connection, Handler } from '../src/core/ports.ts'
import type { ClientSecret } from '../src/core/protocol/secret.ts'
import { createRuntime, type Listener, type Runtime } from '../src/runtime/index.ts'
import { BadScenario, loadScenario } from './attacks.ts'
import { enterAll } from './attacks/cast.ts'
import { CountingDc } from './attacks/counting-dc.ts'
import { judge } from './attacks/judge.ts'
import { LiveStage } from './attacks/live/live-stage.ts'
import { liveTableOf } from './attacks/live/live-table.ts'
import { LoopbackMap } from './attacks/live/loopback.ts'
import { judgeable, measuresOf } from './attacks/live/outcome.ts'
import { scaled, socketsOf } from './attacks/live/scaled.ts'
import { Watch, type Insight } from './attacks/live/watch.ts'
import type { Scenario } from './attacks/plan/read.ts'
import { Tally } from './attacks/tally.ts'

export interface LiveOptions {
  /** As `loadScenario` takes it. */
  readonly name: string
  readonly seed: number
  /** On the loopback; others are refused. */
  readonly proxy: Address
  /** For fake TLS, at least one. */
  readonly secrets: readonly ClientSecret[]
  /** Share of the scenario's people, above 0 and up to 1. */
  readonly scale: number
  /** Ms of the plan in one of the proxy's; or the ms that all of it may take. */
  readonly speed: number | { readonly timeMs: number }
  /** Where to stand in for Telegram. */
  readonly telegram?: Address
  /** How to ask the proxy itself, where it is ours. */
  readonly insight?: Insight
}

const LONGEST_MS = 3_600_000
/** For talks that are under way at the end. */
const CLOSING_MS = 15_000
const LOOK_MS = 100

/** The scenario cannot be played as it was asked for; one line. */
export class Unplayable extends Error {}

/**
 * Plays a scenario against a real proxy on this machine and prints what came of it; true when every assertion that can be judged
 * from here holds. Throws `Unplayable` or `BadScenario` before anything is sent. Ctrl-C ends it, closes everything, and gives false.
 */
export async function playLive(options: LiveOptions): Promise<boolean> {
  const { proxy, scale, secrets, seed, telegram, insight } = options
  for (const { ip } of [proxy, telegram ?? proxy])
    if (!ip.startsWith('127.')) throw new Unplayable(`${ip} is not on the loopback: attacks are played nowhere else`)
  const scenario = scaled(load(options.name), scale, secrets)
  const speed = speedOf(scenario, options.speed)
  const runtime = createRuntime()
  const socketsMax = boundOf(scenario, runtime, telegram !== undefined)
  for (const line of remarks(scenario, telegram !== undefined)) say(line)
  const hasTelegram = telegram !== undefined
  const standIn = telegram === undefined ? undefined : await listen(runtime, telegram, new CountingDc().accept)
  const tally = new Tally()
  let stage: LiveStage | undefined
  try {
    const watch = insight && (await Watch.begin(insight, tally))
    const places = new LoopbackMap([...scenario.honest, ...scenario.attack].flatMap((plan) => plan.from))
    const freshSeed = runtime.random.below(2 ** 31)
    const { clock } = runtime
    // Its time begins when it is made: everything else is ready then.
    stage = new LiveStage({ seed, freshSeed, clock, proxy, speed, socketsMax, places, hasTelegram })
    if (await playOn(stage, scenario, tally, watch)) return await tell(stage, { scenario, seed, tally, watch })
    say(`stopped after ${Math.round(stage.nowMs / speed / 1000)} s: nothing is judged`)
    return false
  } finally {
    stage?.stop()
    standIn?.close()
  }
}

/** False: somebody wants it to end before it is over. */
function playOn(stage: LiveStage, scenario: Scenario, tally: Tally, watch: Watch | undefined): Promise<boolean> {
  watch?.keepLooking(() => stage.nowMs)
  enterAll(stage, scenario, tally)
  planOutages(stage, scenario)
  return untilOver(stage, scenario.duration)
}

interface Played {
  readonly scenario: Scenario
  readonly seed: number
  readonly tally: Tally
  readonly watch: Watch | undefined
}

/** Prints what came of it. */
async function tell(stage: LiveStage, { scenario, seed, tally, watch }: Played): Promise<boolean> {
  const tookMs = stage.nowMs / stage.pace
  const seen = await watch?.end().catch((error: unknown) => say(`the proxy cannot be asked any more: ${String(error)}`))
  const sight = { hasTelegram: stage.hasTelegram, isInside: seen !== undefined, inside: seen?.inside }
  const run = measuresOf({ scenario, seed }, stage, tally, sight.inside)
  const { unknown, scenario: known } = judgeable(scenario, sight)
  const failures = judge(known, run)
  const { unmade } = stage.crowd
  process.stdout.write(`${liveTableOf({ run, failures, unknown, sight, unmade, tookMs })}\n`)
  return failures.length === 0
}

function load(name: string): Scenario {
  try {
    return loadScenario(name)
  } catch (error) {
    if (error instanceof BadScenario) throw error
    throw new Unplayable((error as Error).message, { cause: error })
  }
}

function speedOf({ name, duration }: Scenario, wanted: LiveOptions['speed']): number {
  const speed = typeof wanted === 'number' ? wanted : Math.max(1, duration / wanted.timeMs)
  if (duration / speed <= LONGEST_MS) return speed
  const hours = Math.round(duration / speed / LONGEST_MS)
  throw new Unplayable(`${name} would take ${hours} hours, and 1 is allowed: say --time 60s, or a --speed`)
}

/** Sockets that the people may hold at once; refuses where that is fewer than the plan needs. */
function boundOf(scenario: Scenario, { network }: Runtime, hasTelegram: boolean): number {
  // Talks need one more each, in the DC.
  const most = Math.floor(network.descriptors.max / (hasTelegram ? 2 : 1))
  const needed = socketsOf(scenario)
  if (needed <= most) return most
  const { name } = scenario
  throw new Unplayable(
    `${name} holds up to ${needed} connections at once, and ${most} are possible: lower --scale, or raise ulimit -n`,
  )
}

/** What of the file has no part in this. */
function remarks({ vault_outage, fault, uplink }: Scenario, hasTelegram: boolean): readonly string[] {
  const left = [
    vault_outage.length > 0 ? '[[vault_outage]]' : '',
    fault.length > 0 ? '[[fault]]' : '',
    uplink === undefined ? '' : 'uplink',
  ]
  const names = left.filter((name) => name !== '')
  return [
    'under test is the configuration that the proxy has, not the [config] of the scenario',
    ...(names.length === 0 ? [] : [`left out, as only the simulator can do it: ${names.join(', ')}`]),
    ...(hasTelegram ? [] : ['without --telegram a client counts as connected when the proxy has answered its hello']),
  ]
}

function planOutages(stage: LiveStage, { outage }: Scenario): void {
  for (const { at, for: length } of outage) {
    stage.at(at, () => stage.crowd.setCutOff(true))
    stage.at(at + length, () => stage.crowd.setCutOff(false))
  }
}

/** The end of the plan, and of the talks that are under way then, for a while; false: somebody wants it to end now. */
async function untilOver(stage: LiveStage, durationMs: number): Promise<boolean> {
  let isStopped = false
  const stop = () => (isStopped = true)
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const endMs = durationMs + CLOSING_MS * stage.pace
  while (!isStopped && stage.nowMs < endMs && (stage.nowMs < durationMs || stage.crowd.honestOpen > 0))
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  process.off('SIGINT', stop)
  process.off('SIGTERM', stop)
  return !isStopped
}

function listen(runtime: Runtime, at: Address, accept: (connection: Connection) => Handler): Promise<Listener> {
  return new Promise((resolve, reject) => {
    runtime.network.listen({ host: at.ip, port: at.port, backlog: 1024 }, accept, (result) => {
      if ('error' in result) reject(new Unplayable(`--telegram: ${result.error.message}`))
      else resolve(result)
    })
  })
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
