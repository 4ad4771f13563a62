import {
  OVERLOAD_RESOURCES,
  type OverloadLevel,
  type OverloadResource,
  type ProxyEvent,
} from '../../src/core/events.ts'
import { HOLD_MS, MARGIN, RISE_MS } from '../../src/core/guard/overload.ts'
import { BALANCER_IP } from '../scenarios/options.ts'
import type { Scene } from '../scenarios/scene.ts'
import type { MakeChecker } from './index.ts'
import { forgetOf } from './processes.ts'

/** Two polls and ticks, and a clock that goes two in a hundred wrong. */
const SLACK_MS = 700
/** One socket in eight of those that the virtual machine has. */
const TARPITS_MAX = 3

interface Newcomer {
  /** What the readings ask for, at least, when it comes, and at most. */
  readonly required: OverloadLevel
  readonly possible: OverloadLevel
  /** Somebody of its source was let in before. */
  readonly isKnown: boolean
  /** Or may have had its hello answered, which no event tells, and which is good use already. */
  readonly isPerhapsKnown: boolean
  readonly isBehindBalancer: boolean
  isRelaying: boolean
}

/**
 * I28: at the second level of overload nobody new is let in, at the first nobody unknown, and who is known is; no relay ends
 * of it; no level is left at once; who is held in a tarpit is bounded.
 */
export const checkOverload: MakeChecker = (scene, fail) => {
  const { isEnabled, isDryRun, onRefuse } = scene.options.settings.guard
  const isEnforced = isEnabled && !isDryRun
  const readings = new Readings(scene)
  const newcomers = new Map<number, Newcomer>()
  /** Sources that were let in before, and how many came from each that were not rejected. */
  const known = new Set<string>()
  const welcome = new Map<string, number>()
  const countWelcome = (ip: string, by: number) => welcome.set(ip, (welcome.get(ip) ?? 0) + by)
  const ips = new Map<number, string>()
  /** By process and resource. */
  const levels = new Map<string, OverloadLevel>()
  /** Refused while there was nothing left to hold them with. */
  const mustClose = new Set<number>()

  function judge(event: ProxyEvent, pid: number): void {
    if (event.kind === 'overload') return judgeStep(event, pid)
    if (!('connection' in event)) return
    const { connection } = event
    if (event.kind === 'accepted') {
      const { ip } = event.client
      ips.set(connection, ip)
      newcomers.set(connection, {
        ...{
          required: readings.required(startOf(pid)),
          possible: readings.possible(),
          isKnown: known.has(ip),
          isPerhapsKnown: (welcome.get(ip) ?? 0) > 0,
          isBehindBalancer: ip === BALANCER_IP,
        },
        isRelaying: false,
      })
      countWelcome(ip, 1)
    }
    const newcomer = newcomers.get(connection)
    if (newcomer === undefined) return
    if (event.kind === 'authenticated') {
      judgeLetIn(connection, newcomer)
      if (isEnabled && !newcomer.isBehindBalancer) known.add(ips.get(connection) ?? '')
    } else if (event.kind === 'rejected') {
      countWelcome(ips.get(connection) ?? '', -1)
      if (event.reason === 'overload') judgeRefused(connection, newcomer)
    } else if (event.kind === 'relaying') newcomer.isRelaying = true
    else if (event.kind === 'closed') {
      mustClose.delete(connection)
      newcomers.delete(connection)
      ips.delete(connection)
      if (newcomer.isRelaying && (event.reason === 'refused' || event.reason === 'tarpit'))
        fail(`relay ${connection} ended as ${event.reason}`)
    }
  }

  function judgeLetIn(connection: number, { required, isPerhapsKnown, isBehindBalancer }: Newcomer): void {
    if (!isEnforced) return
    if (required === 2) fail(`connection ${connection} was let in while nothing was left`)
    if (required === 1 && !isPerhapsKnown && !isBehindBalancer)
      fail(`connection ${connection} of an unknown source was let in while something was short`)
  }

  function judgeRefused(connection: number, newcomer: Newcomer): void {
    const { required, isKnown, isBehindBalancer } = newcomer
    // One that is masked is told of only when its hello is there.
    const possible = Math.max(newcomer.possible, readings.possible())
    if (!isEnforced) fail(`connection ${connection} was refused by a guard that refuses nothing`)
    if (possible === 0) fail(`connection ${connection} was refused while nothing was short`)
    if (isKnown && !isBehindBalancer && possible < 2)
      fail(`connection ${connection} of a known source was refused while there was something left`)
    if (required === 2) mustClose.add(connection)
  }

  function judgeStep({ resource, level }: ProxyEvent & { readonly kind: 'overload' }, pid: number): void {
    const key = `${pid} ${resource}`
    const before = levels.get(key) ?? 0
    levels.set(key, level)
    if (level > before && !readings.isOver(resource, level)) fail(`${resource} stepped to ${level} without need`)
    if (level < before && level !== before - 1) fail(`${resource} stepped from ${before} to ${level}`)
    if (level < before && readings.sinceHighMs(resource, before) < HOLD_MS - SLACK_MS)
      fail(`${resource} left level ${before} at once`)
  }

  /** It knows of nothing before it started, where others are beside it. */
  function startOf(pid: number): number {
    return scene.crew === undefined
      ? -Infinity
      : (scene.processes.find(({ number }) => number === pid)?.startedAt ?? Infinity)
  }

  return {
    onEvent: judge,
    onStep() {
      readings.look()
      for (const connection of mustClose) fail(`connection ${connection} was refused and is held, with nothing left`)
      mustClose.clear()
      if (onRefuse !== 'tarpit') return
      for (const { proxy } of scene.processes) {
        let held = 0
        for (const { stage } of proxy.inspect()) if (stage === 'tarpit') held++
        if (held > TARPITS_MAX) fail(`${held} are held in the tarpit`)
      }
    },
    onBuried(pid) {
      for (const each of [newcomers, ips, mustClose]) forgetOf(pid, each)
    },
    onCrash(how) {
      newcomers.clear()
      ips.clear()
      levels.clear()
      mustClose.clear()
      readings.forget()
      if (how === 'power-cut') known.clear()
    },
  }
}

/** What the machine's gauges have shown, at every moment. */
class Readings {
  readonly #scene: Scene
  /** By resource and level: since when the reading is at the threshold without a break; since when too high to leave the level. */
  readonly #overSince = new Map<string, number>()
  readonly #highSince = new Map<string, number>()
  /** When it was last too high, and when last for so long that no poll can have missed it. */
  readonly #lastHigh = new Map<string, number>()
  readonly #lastSeenHigh = new Map<string, number>()

  constructor(scene: Scene) {
    this.#scene = scene
  }

  look(): void {
    const { now } = this.#scene.world
    for (const resource of OVERLOAD_RESOURCES)
      for (const level of [1, 2] as const) {
        const key = `${resource} ${level}`
        since(this.#overSince, key, this.isOver(resource, level), now)
        const highSince = since(this.#highSince, key, this.#share(resource, level) >= 1 - MARGIN, now)
        if (highSince === undefined) continue
        this.#lastHigh.set(key, now)
        if (now - highSince >= SLACK_MS) this.#lastSeenHigh.set(key, now)
      }
  }

  forget(): void {
    for (const times of [this.#overSince, this.#highSince, this.#lastHigh, this.#lastSeenHigh]) times.clear()
  }

  isOver(resource: OverloadResource, level: 1 | 2 | OverloadLevel): boolean {
    return this.#share(resource, level) >= 1
  }

  /** Since the reading was last seen too high for that level to be left. */
  sinceHighMs(resource: OverloadResource, level: OverloadLevel): number {
    return this.#scene.world.now - (this.#lastSeenHigh.get(`${resource} ${level}`) ?? -Infinity)
  }

  /** Asked for by readings that have stood long enough to be noticed by whoever looks since then. */
  required(sinceMs: number): OverloadLevel {
    const isDue = (level: OverloadLevel) =>
      OVERLOAD_RESOURCES.some((resource) => {
        const since = this.#overSince.get(`${resource} ${level}`) ?? Infinity
        return this.#scene.world.now - Math.max(since, sinceMs) >= RISE_MS[resource] + SLACK_MS + this.#scene.stalledMs
      })
    if (isDue(2)) return 2
    return isDue(1) ? 1 : 0
  }

  /** The highest that may still be in force: a level is left late, one step at a time. */
  possible(): OverloadLevel {
    const isRecent = (level: OverloadLevel, ms: number) =>
      OVERLOAD_RESOURCES.some((resource) => {
        const lastHigh = this.#lastHigh.get(`${resource} ${level}`) ?? -Infinity
        return this.#scene.world.now - lastHigh <= ms + this.#scene.stalledMs
      })
    if (isRecent(2, HOLD_MS + SLACK_MS)) return 2
    return isRecent(1, 2 * (HOLD_MS + SLACK_MS)) ? 1 : 0
  }

  /** The reading as a share of the threshold. */
  #share(resource: OverloadResource, level: OverloadLevel): number {
    const { from, to } = this.#scene.options.settings.guard.overload[resource]
    return this.#scene.gauges.reading(resource) / (level === 2 ? to : from)
  }
}

/** Keeps since when something has been true without a break, and returns it. */
function since(times: Map<string, number>, key: string, isTrue: boolean, now: number): number | undefined {
  if (!isTrue) times.delete(key)
  else if (!times.has(key)) times.set(key, now)
  return times.get(key)
}
