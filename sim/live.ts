import type { Address } from '../src/core/ports.ts'
import type { ClientSecret } from '../src/core/protocol/secret.ts'
import { createRuntime, type Runtime } from '../src/runtime/index.ts'
import { BadScenario, loadScenario } from './attacks.ts'
import { enterAll } from './attacks/cast.ts'
import { playable } from './attacks/live/left-out.ts'
import { planLiveFaults } from './attacks/live/live-faults.ts'
import { LiveStage } from './attacks/live/live-stage.ts'
import { LiveTimeline } from './attacks/live/live-timeline.ts'
import { LoopbackMap } from './attacks/live/loopback.ts'
import { scaled, socketsOf } from './attacks/live/scaled.ts'
import { SlowLines } from './attacks/live/slow-lines.ts'
import { StandIn } from './attacks/live/stand-in.ts'
import { tellLive, type LivePlayed, type TellOptions } from './attacks/live/tell.ts'
import { Watch, type Insight } from './attacks/live/watch.ts'
import type { Scenario } from './attacks/plan/read.ts'
import { Tally } from './attacks/tally.ts'
import { checkReportFile } from './report/file.ts'
import { SeededRandom } from './world/random.ts'

export interface LiveOptions extends TellOptions {
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
  /** The file of its configuration, as a report tells how to play this again. */
  readonly config?: string
}

const LONGEST_MS = 3_600_000
/** For talks that are under way at the end. */
const CLOSING_MS = 15_000
const LOOK_MS = 100

/** The scenario cannot be played as it was asked for; one line. */
export class Unplayable extends Error {}

/**
 * Plays a scenario against a real proxy on this machine and tells what came of it; true when every assertion that can be judged
 * from here holds. Throws `Unplayable` or `BadScenario` before anything is sent. Ctrl-C ends it, closes everything, and gives false.
 */
export async function playLive(options: LiveOptions): Promise<boolean> {
  const { proxy, scale, secrets, seed, telegram, insight } = options
  for (const { ip } of [proxy, telegram ?? proxy])
    if (!ip.startsWith('127.')) throw new Unplayable(`${ip} is not on the loopback: attacks are played nowhere else`)
  const hasTelegram = telegram !== undefined
  const { scenario, remarks } = playable(scaled(load(options.name), scale, secrets), hasTelegram)
  const speed = speedOf(scenario, options.speed)
  const runtime = createRuntime()
  const socketsMax = boundOf(scenario, runtime, hasTelegram)
  checkReport(options)
  for (const line of remarks) say(line)
  const lines = new SlowLines(() => runtime.clock.mono(), new SeededRandom(seed, 'stalls'))
  const standIn = telegram === undefined ? undefined : await standInAt(runtime, telegram, lines)
  const tally = new Tally()
  const timeline = new LiveTimeline({ lengthMs: scenario.duration / speed + CLOSING_MS, pace: speed })
  let stage: LiveStage | undefined
  try {
    const watch = insight && (await Watch.begin(insight, tally))
    const places = new LoopbackMap([...scenario.honest, ...scenario.attack].flatMap((plan) => plan.from))
    const freshSeed = runtime.random.below(2 ** 31)
    const { clock } = runtime
    // Its time begins when it is made: everything else is ready then.
    stage = new LiveStage({ seed, freshSeed, clock, proxy, speed, socketsMax, places, hasTelegram, lines })
    const playing = { options, scenario, speed, remarks, tally, timeline, watch, lines, standIn }
    if (await playOn(stage, playing)) return await tellLive(stage, playing, say)
    say(`stopped after ${Math.round(stage.nowMs / speed / 1000)} s: nothing is judged`)
    return false
  } finally {
    stage?.stop()
    standIn?.close()
  }
}

interface Playing extends LivePlayed {
  readonly lines: SlowLines
  readonly standIn: StandIn | undefined
}

/** False: somebody wants it to end before it is over. */
function playOn(stage: LiveStage, playing: Playing): Promise<boolean> {
  const { scenario, tally, timeline, watch } = playing
  watch?.keepLooking(
    () => stage.nowMs,
    (look) => timeline.look(stage.nowMs, look),
  )
  enterAll(stage, scenario, tally, {
    onAttempt: (startMs, connectMs) => timeline.attempt(startMs, connectMs),
    onAttackEnd: (group, end) => timeline.attackEnd(stage.nowMs, group, end),
  })
  planOutages(stage, scenario)
  planLiveFaults(stage, scenario, playing)
  return untilOver(stage, scenario.duration, timeline)
}

function checkReport({ report }: LiveOptions): void {
  try {
    if (report !== undefined) checkReportFile(report)
  } catch (error) {
    throw new Unplayable((error as Error).message, { cause: error })
  }
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

function planOutages(stage: LiveStage, { outage }: Scenario): void {
  for (const { at, for: length } of outage) {
    stage.at(at, () => stage.crowd.setCutOff(true))
    stage.at(at + length, () => stage.crowd.setCutOff(false))
  }
}

/** The end of the plan, and of the talks that are under way then, for a while; false: somebody wants it to end now. */
async function untilOver(stage: LiveStage, durationMs: number, timeline: LiveTimeline): Promise<boolean> {
  let isStopped = false
  const stop = () => (isStopped = true)
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const endMs = durationMs + CLOSING_MS * stage.pace
  const { crowd } = stage
  while (!isStopped && stage.nowMs < endMs && (stage.nowMs < durationMs || crowd.honestOpen > 0)) {
    timeline.open(stage.nowMs, { honest: crowd.honestOpen, attack: crowd.open - crowd.honestOpen })
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
  process.off('SIGINT', stop)
  process.off('SIGTERM', stop)
  return !isStopped
}

async function standInAt(runtime: Runtime, at: Address, lines: SlowLines): Promise<StandIn> {
  try {
    return await StandIn.open({ runtime, at, lines, onError: say })
  } catch (error) {
    throw new Unplayable((error as Error).message, { cause: error })
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
