import { Intruder } from './intruder.ts'
import { drawSources, type Source } from './addresses.ts'
import { drawArrivals } from './arrivals.ts'
import type { HelloMint } from './hello-mint.ts'
import type { Recorded } from './kinds/scripts.ts'
import type { HonestPlan, ScenarioFile } from './plan/schema.ts'
import type { SeededRandom } from '../world/random.ts'
import { DCS, type Stage } from './stage.ts'
import type { HonestTally } from './tally.ts'
import type { Truth } from './truth.ts'
import { Visitor, type Talk, type TalkEnd } from './visitor.ts'

export interface UsersOptions {
  readonly stage: Stage
  readonly plan: HonestPlan
  readonly durationMs: number
  readonly outages: ScenarioFile['outage']
  readonly secrets: readonly { readonly key: Uint8Array; readonly mint: HelloMint }[]
  readonly tally: HonestTally
  readonly record: (recorded: Recorded) => void
}

/** As clients do: soon again, and then less and less soon. */
const RETRIES_MAX = 5
const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 8_000
const NOISE_HOLD_MS = 3_000
const SMALLEST_BYTES = 16

/** One group of honest users: their talks, what they do when a connection fails, and the connections that lead nowhere. */
export class Users {
  readonly #options: UsersOptions
  readonly #random: SeededRandom
  readonly #sources: readonly Source[]
  readonly #truth: Truth

  constructor(options: UsersOptions) {
    const { plan, stage, durationMs } = options
    this.#options = options
    this.#random = stage.world.random(`users ${plan.name}`)
    this.#truth = { side: 'honest', group: plan.name }
    this.#sources = drawSources({ from: plan.from, count: plan.addresses ?? plan.users }, this.#random)
    for (const { user, atMs } of drawArrivals(plan, durationMs, this.#random)) stage.at(atMs, () => this.#come(user))
  }

  #come(user: number): void {
    const { noise } = this.#options.plan
    if (this.#random.below(1_000_000) < noise * 1_000_000) this.#strayFrom(user)
    else this.#talk(user, 0)
  }

  #talk(user: number, retries: number, place = user % this.#sources.length): void {
    const { stage, tally, secrets, record, plan } = this.#options
    const { world } = stage
    const { key, mint } = secrets[user % secrets.length]
    const hello = mint.right(key, world.clock.wall() + this.#random.between(-5, 5))
    const visitor = new Visitor({
      ...{ stage, random: this.#random, key, hello },
      dc: plan.dc ?? DCS[user % DCS.length],
      readBytesPerSec: plan.reading,
      talk: this.#drawTalk(plan.talk),
      onAnswered: (second) => record({ hello, second }),
      onConnected: (ms) => tally.succeeded(ms, stage.nowMs - stage.pace * ms),
      onEnd: (end) => this.#ended(user, place, end, retries),
    })
    stage.crowd.dial(this.#sources[place](), this.#truth, visitor.dialing)
    if (plan.roaming > 0 && this.#random.below(1_000_000) < plan.roaming * 1_000_000)
      stage.world.after(this.#random.below(talkMs(plan.talk)), () => visitor.move())
  }

  #ended(user: number, place: number, end: TalkEnd, retries: number): void {
    const { stage, tally, durationMs } = this.#options
    const startMs = end.startedAt - stage.startAt
    const isCut = this.#isCut(startMs, stage.nowMs)
    if (end.outcome === 'moved') {
      tally.moved(end)
      if (stage.nowMs < durationMs) this.#talk(user, 0, this.#random.below(this.#sources.length))
      return
    }
    // What an outage of the line takes is nobody's fault, and says nothing about the proxy.
    if (!isCut) tally.ended(end, startMs)
    if (end.outcome === 'done' || stage.nowMs >= durationMs) return
    const again = end.isConnected ? 0 : retries + 1
    if (again > RETRIES_MAX && !isCut) return
    const waitMs = stage.pace * Math.min(LAST_RETRY_MS, FIRST_RETRY_MS << Math.min(again, 10))
    stage.world.after(this.#random.between(Math.floor(waitMs / 2), waitMs), () => this.#talk(user, again, place))
  }

  /** A phone that lost its network: it came, said nothing or half a hello, and is gone. */
  #strayFrom(user: number): void {
    const { stage, secrets } = this.#options
    const { world, crowd } = stage
    const { key, mint } = secrets[user % secrets.length]
    const hello = mint.right(key, world.clock.wall())
    const isSilent = this.#random.chance(1, 2)
    const bytes = hello.subarray(0, this.#random.between(1, hello.length - 1))
    const script = { pieces: isSilent ? [] : [{ afterMs: 0, bytes }] }
    const holdMs = this.#random.below(NOISE_HOLD_MS)
    const stray = new Intruder({ world, script, holdMs, keys: [], onServed: () => {} })
    crowd.dial(this.#sources[user % this.#sources.length](), this.#truth, stray)
  }

  #isCut(fromMs: number, toMs: number): boolean {
    return this.#options.outages.some(({ at, for: length }) => fromMs < at + length && toMs >= at)
  }

  #drawTalk({ requests, request, answer, think, hold }: HonestPlan['talk']): Talk {
    const random = this.#random
    const around = (mean: number) => (mean >> 1) + random.below(mean + 1)
    return {
      requests: Math.max(1, around(requests)),
      requestBytes: Math.max(SMALLEST_BYTES, around(request)),
      answerBytes: Math.max(SMALLEST_BYTES, around(answer)),
      thinkMs: around(think),
      holdMs: around(hold),
    }
  }
}

/** About how long a talk lasts. */
function talkMs({ requests, think, hold }: HonestPlan['talk']): number {
  return Math.max(1, requests * think + hold)
}
