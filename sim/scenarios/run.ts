import type { Violation } from '../checkers/index.ts'
import { ATTACKS } from '../actors/attacks.ts'
import type { Restriction } from '../swarm/case.ts'
import { restrict } from '../swarm/restrict.ts'
import { Cast } from './course.ts'
import { planFaults, repair } from './faults.ts'
import { drawOptions, type RunOptions } from './options.ts'
import { Scene } from './scene.ts'
import { planStrangers } from './strangers.ts'

export interface RunResult {
  readonly seed: number
  readonly hash: string
  readonly events: number
  readonly violations: readonly Violation[]
  readonly reached: ReadonlyMap<string, number>
  /** How many honest clients and how many others would have come by the end, had nobody been left out. */
  readonly came: { readonly talks: number; readonly probes: number }
}

export interface RunSeedOptions {
  readonly onTrace?: (atMs: number, what: string) => void
  /** Distinct sources that come beside everything else, while there are faults. */
  readonly strangers?: number
  /** What stays of all that the seed draws; everything unless said. */
  readonly only?: Restriction
}

/** Thrown through the queue of events where a case ends before its run does. */
const ENOUGH = new Error('the case ends here')

const DEAD_LINK_SEC = 180
const LIVENESS_ARRIVALS_MS = 5_000
/** The longest way to an end without faults: silence up to the first limit, then what the site waits for. */
const LIVENESS_MS = 400_000
const DRAIN_GRACE_MS = 200
/** Long enough for every name to be asked for. */
const RESOLVED_MS = 1_000
/** A worker that died in the very end is replaced within a minute, and asks then. */
const ALL_RESOLVED_MS = 90_000

/**
 * One run of one seed: a time with faults, in which nothing forbidden may happen; then a time without, in which everything
 * must succeed; then a drain, after which nothing may be left.
 */
export function runSeed(seed: number, { onTrace, strangers = 0, only = {} }: RunSeedOptions = {}): RunResult {
  const drawn = drawOptions(seed)
  const scene = new Scene(restrict(drawn, only), onTrace)
  const { world, options, checkers } = scene
  const cast = new Cast(scene, only)
  if (only.untilMs !== undefined)
    world.after(only.untilMs, () => {
      throw ENOUGH
    })
  try {
    safety(scene, cast, { strangers, faults: drawn.faults })
    liveness(scene, cast)
    drain(scene)
    cast.stop()
    checkers.ended()
  } catch (error) {
    if (error !== ENOUGH)
      checkers.fail('I1', `the run broke: ${error instanceof Error ? (error.stack ?? error.message) : 'unknown'}`)
  }
  return {
    seed: options.seed,
    hash: world.hash(),
    events: world.events,
    violations: checkers.violations,
    reached: scene.reached,
    came: cast.came,
  }
}

/** `faults` are those that the seed draws, for the times at which those that stay happen. */
function safety(
  scene: Scene,
  cast: Cast,
  { strangers, faults }: { readonly strangers: number; readonly faults: RunOptions['faults'] },
): void {
  const { world, options } = scene
  const random = world.random('arrivals')
  const until = world.now + options.safetyMs
  planFaults(scene, until, faults)
  if (strangers > 0) planStrangers(scene, strangers, until)
  for (let i = 0; i < options.talkers; i++) world.at(random.between(world.now, until), () => cast.addTalker(false))
  for (let i = 0; i < options.probers; i++) world.at(random.between(world.now, until), () => cast.addProber())
  scene.runUntil(until)
  // A machine that sleeps wakes before anything is repaired.
  if (scene.host.isBusy) scene.runUntil(scene.host.freeAt)
}

function liveness(scene: Scene, cast: Cast): void {
  const { world, options } = scene
  const random = world.random('arrivals')
  repair(scene)
  scene.reload(options.settings)
  // The resolver alone stays broken: every site has to be found by what it said before.
  const resolvedMs = options.workers > 1 ? ALL_RESOLVED_MS : RESOLVED_MS
  if (options.faults.has('resolver-failures')) world.after(resolvedMs, () => (scene.network.isResolverFailing = true))
  // What was let in under a clock that ran ahead keeps everybody out who has the right time, until that time has come.
  // And a link whose path died has to be found out by its silence.
  scene.runUntil(world.now + (scene.worstClockSec + 2 * options.settings.mask.skewSec + DEAD_LINK_SEC) * 1000)
  for (let i = 0; i < Math.max(2, options.talkers >> 1); i++)
    world.after(random.below(LIVENESS_ARRIVALS_MS), () => cast.addTalker(true))
  const names = Object.keys(ATTACKS)
  for (let i = 0; i < Math.max(2, options.probers >> 1); i++)
    world.after(random.below(LIVENESS_ARRIVALS_MS), () => cast.addProber(random.pick(names)))
  scene.runUntil(world.now + LIVENESS_MS)
}

function drain(scene: Scene): void {
  const { settings, checkers, world } = scene
  let drained = 0
  scene.drain(() => drained++)
  const isDone = scene.until(() => drained > 0, settings.listen.drainTimeoutMs + DRAIN_GRACE_MS)
  const open = () => scene.processes.reduce((sum, { proxy }) => sum + proxy.open, 0)
  if (!isDone) checkers.fail('I10', `${open()} connections are left behind the deadline of the drain`)
  if (open() > 0 || drained > 1) checkers.fail('I10', `a drain that was done ${drained} times left ${open()} open`)
  scene.runUntil(world.now + 1_000)
  scene.close()
}
