import type { AttackContext } from '../actors/attacks.ts'
import type { SeededRandom } from '../world/random.ts'
import { drawSources, type Source } from './addresses.ts'
import { HelloMint } from './hello-mint.ts'
import { Intruder } from './intruder.ts'
import { ELSEWHERE, Leech, openingOf } from './leech.ts'
import { SCRIPTS, type Recorded, type ScriptContext } from './kinds/scripts.ts'
import type { Scenario } from './plan/read.ts'
import type { AttackPlan } from './plan/schema.ts'
import { DCS, type Stage } from './stage.ts'
import type { AttackEnd, AttackTally } from './tally.ts'
import type { Truth } from './truth.ts'
import { Visitor, type TalkEnd } from './visitor.ts'

export interface AttackersOptions {
  readonly stage: Stage
  readonly plan: AttackPlan
  readonly scenario: Scenario
  readonly secrets: readonly { readonly key: Uint8Array; readonly mint: HelloMint }[]
  readonly tape: readonly Recorded[]
  readonly tally: AttackTally
}

const HOG_REQUESTS = 1_000_000
const HOG_REQUEST_BYTES = 300
/** What the end of a talk means where no client's answer came; all others are failures to connect. */
const HOG_ENDS: Partial<Record<TalkEnd['outcome'], Exclude<AttackEnd, 'served'>>> = {
  ...{ 'turned-away': 'answered', end: 'closed', reset: 'closed', 'no-answer': 'silent', done: 'silent' },
}

/** One group of attackers: each source comes at its pace from start to stop. */
export class Attackers {
  readonly #options: AttackersOptions
  readonly #random: SeededRandom
  readonly #truth: Truth
  readonly #context: ScriptContext
  readonly #hogs = new Set<Visitor>()
  /** Hellos that name another host. */
  readonly #elsewhere: HelloMint | undefined

  constructor(options: AttackersOptions) {
    const { stage, plan, secrets, tape } = options
    this.#options = options
    const random = stage.world.random(`attack ${plan.name}`)
    this.#random = random
    this.#truth = { side: 'attack', group: plan.name }
    this.#context = { random, mint: secrets[0].mint, tape, probing: () => this.#probing() }
    if (plan.kind === 'leech') this.#elsewhere = new HelloMint(random, ELSEWHERE)
    const { from, sources: count, rotate } = plan
    const sources = drawSources({ from, count, ...(rotate === undefined ? {} : { bits: rotate }) }, random)
    for (const source of sources)
      stage.at(plan.start + Math.floor(random.below(plan.rate + 1)), () => this.#come(source))
    stage.at(plan.stop, () => {
      for (const hog of [...this.#hogs]) hog.stop()
    })
  }

  #come(source: Source): void {
    const { stage, plan, tally } = this.#options
    if (stage.nowMs >= plan.stop) return
    tally.connections++
    if (plan.kind === 'hog') this.#hog(source)
    else if (plan.kind === 'leech') this.#leech(source)
    else {
      const script = SCRIPTS[plan.kind](this.#context)
      const { keys } = this.#options.scenario
      const onServed = () => tally.wasServed()
      const onEnd = (end: Exclude<AttackEnd, 'served'>) => tally.ended(end)
      stage.crowd.dial(
        source(),
        this.#truth,
        new Intruder({ world: stage.world, script, holdMs: plan.hold, keys, onServed, onEnd }),
      )
    }
    // Not by the clock's tick, which would give it away.
    const nextMs = plan.rate / 2 + this.#random.below(Math.ceil(plan.rate) + 1)
    stage.world.after(Math.max(1, Math.round(nextMs)), () => this.#come(source))
  }

  /** Somebody who has a secret, and takes all he can get. */
  #hog(source: Source): void {
    const { stage, plan, secrets, tally } = this.#options
    const { world } = stage
    const { key, mint } = secrets[0]
    let isServed = false
    const hog = new Visitor({
      ...{ stage, random: this.#random, key, hello: mint.right(key, world.clock.wall()), dc: this.#random.pick(DCS) },
      talk: { requests: HOG_REQUESTS, requestBytes: HOG_REQUEST_BYTES, answerBytes: plan.ask, thinkMs: 1, holdMs: 0 },
      onAnswered: () => {
        isServed = true
        tally.wasServed()
      },
      onConnected: () => {},
      onEnd: ({ gotBytes, outcome }) => {
        tally.got(gotBytes)
        if (!isServed) tally.ended(HOG_ENDS[outcome] ?? 'unmade')
        this.#hogs.delete(hog)
      },
    })
    this.#hogs.add(hog)
    stage.crowd.dial(source(), this.#truth, hog.dialing)
  }

  /** Somebody who has none, and takes all he can get of the mask host. */
  #leech(source: Source): void {
    const { stage, plan, secrets, tally } = this.#options
    const { mint } = secrets[0]
    const leech = new Leech({
      ...{ world: stage.world, opening: openingOf(this.#random, mint, this.#elsewhere ?? mint) },
      ...{ holdMs: plan.hold, askBytes: plan.ask, thinkMs: plan.think },
      onEnd: (gotBytes, end) => {
        tally.got(gotBytes)
        tally.ended(gotBytes > 0 ? 'answered' : end)
      },
    })
    stage.crowd.dial(source(), this.#truth, leech)
  }

  #probing(): AttackContext {
    const { stage, scenario } = this.#options
    const { settings, keys } = scenario
    const { domain, modes } = settings.secrets[0]
    return {
      random: this.#random,
      secret: { key: keys[0], domain, modes, isMiddle: false },
      ...{ expired: undefined, barred: undefined, isSomebodyDenied: false, keys, tape: [] },
      ...{ wallSec: stage.world.clock.wall(), skewSec: settings.mask.skewSec, isClockSteady: true },
      takesInits: settings.secrets.some((secret) => secret.modes.some((mode) => mode !== 'fake-tls')),
      handshakeTimeoutMs: settings.listen.handshakeTimeoutMs,
    }
  }
}
