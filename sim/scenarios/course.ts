import type { Mode } from '../../src/core/events.ts'
import { fromAscii } from '../../src/core/protocol/bytes.ts'
import { NO_LIMITS, type UserLimits } from '../../src/core/settings.ts'
import type { Framing } from '../../src/core/protocol/obfuscated2.ts'
import { ATTACKS, type Attack, type AttackContext } from '../actors/attacks.ts'
import { Prober } from '../actors/prober.ts'
import { Talker, type Ending, type Recording, type TalkPlan } from '../actors/talker.ts'
import { PART_MIN } from '../telegram/talk.ts'
import type { Restriction } from '../swarm/case.ts'
import type { SeededRandom } from '../world/random.ts'
import { AMPLE_BUFFERS_BYTES, BALANCER_IP, DENIED_IP, EXPIRED_SEC } from './options.ts'
import { DC_IDS } from './places.ts'
import { PROXY, type Scene } from './scene.ts'

const ENDINGS: readonly Ending[] = ['client-ends', 'client-ends', 'ends-early', 'dc-ends', 'resets', 'stays']
const TAPE_MAX = 200
const ATTACKER_IP = '198.51.254.66'
const REPLAYS_AFTER_RESTART = 8
const REPLAYS_WITHIN_MS = 10_000
const PART_MAX_BYTES = 12_000
const ANSWER_MAX_BYTES = 40_000
const LARGE_ANSWER_BYTES = 250_000

/** Draws who comes to a scene, and lets them come. */
export class Cast {
  readonly #talkers: Talker[] = []
  readonly #scene: Scene
  readonly #only: Restriction
  readonly #random: SeededRandom
  readonly #probers: Prober[] = []
  readonly #tape: Recording[] = []
  #talks = 0
  #probes = 0
  #hosts = 0
  /** Where honest clients came from, and a stream of its own for who comes again. */
  readonly #homes: string[] = []
  readonly #returning: SeededRandom

  /** Who is left out is drawn all the same, so that everybody else is who they would be. */
  constructor(scene: Scene, only: Restriction = {}) {
    this.#scene = scene
    this.#only = only
    this.#random = scene.world.random('cast')
    this.#returning = scene.world.random('returning')
    // Whoever records what comes in tries it again as soon as the proxy may have forgotten.
    scene.onRestart = () => {
      for (let i = 0; i < REPLAYS_AFTER_RESTART; i++)
        scene.world.after(this.#random.below(REPLAYS_WITHIN_MS), () => this.addProber('replay'))
    }
  }

  get came(): { readonly talks: number; readonly probes: number } {
    return { talks: this.#talks, probes: this.#probes }
  }

  /** An honest client; in a time without faults nothing but success will do. */
  addTalker(isLively: boolean): void {
    const plan = this.#drawTalk(isLively && this.#scene.settings.memory.buffersBytes >= AMPLE_BUFFERS_BYTES)
    const { world, tell } = this.#scene
    const ip = plan.proxyHeader === undefined ? this.#homeIp(isLively) : BALANCER_IP
    if (this.#only.talks?.includes(plan.talk) === false) return
    const record = (recording: Recording) => {
      if (this.#tape.length < TAPE_MAX) this.#tape.push(recording)
    }
    const host = this.#scene.network.host(ip)
    const random = world.random(`talker ${plan.talk}`)
    const talker = new Talker(plan, { world, random, host, proxy: PROXY, tell, record })
    this.#talkers.push(talker)
    talker.start()
  }

  /** Somebody else. Without a name, whoever fits. */
  addProber(name?: string): void {
    const scene = this.#scene
    const { world, tell } = scene
    const { site } = scene.places
    const number = ++this.#probes
    const attack = ATTACKS[name ?? this.#random.pick(Object.keys(ATTACKS))](this.#context())
    if (attack === undefined) return
    const host = scene.network.host(this.#placeOf(attack))
    if (this.#only.probes?.includes(number) === false) return
    const isCalm = scene.isCalm && attack.ending !== 'resets'
    const prober = new Prober(attack, isCalm, { world, host, proxy: PROXY, site, tell })
    this.#probers.push(prober)
    prober.start()
  }

  /** Everybody says how it went. */
  stop(): void {
    for (const talker of this.#talkers) talker.stop()
    for (const prober of this.#probers) prober.stop()
  }

  #placeOf({ isBalancer = false, isDenied = false }: Attack): string {
    if (isBalancer) return BALANCER_IP
    if (isDenied) return DENIED_IP
    // Some come from one place again and again.
    return this.#random.chance(1, 3) ? ATTACKER_IP : this.#nextIp()
  }

  /** Some come again; with faults only, since a limit may have something against it. */
  #homeIp(isLively: boolean): string {
    if (!isLively && this.#homes.length > 0 && this.#returning.chance(1, 3)) return this.#returning.pick(this.#homes)
    const ip = this.#nextIp()
    this.#homes.push(ip)
    return ip
  }

  #nextIp(): string {
    const count = this.#hosts++
    // Each in a network of its own: bad neighbours are the business of the guard's own scenarios.
    return `198.51.${count & 255}.${9 + (count >> 8)}`
  }

  #context(): AttackContext {
    const { options, settings, world } = this.#scene
    const index = this.#random.below(options.keys.length)
    const { domain, modes, adTag } = options.settings.secrets[index]
    const { mode } = settings.telegram
    const isMiddle = mode === 'middle' || (mode === 'auto' && adTag !== undefined)
    const expired = settings.secrets.find(({ expiresAt }) => expiresAt === EXPIRED_SEC)
    const barred = settings.secrets.find(({ access }) => access === 'none')
    return {
      random: this.#random,
      secret: { key: options.keys[index], domain, modes, isMiddle },
      expired: expired === undefined ? undefined : { key: options.keys[expired.id - 1], domain: expired.domain },
      barred: barred === undefined ? undefined : { key: options.keys[barred.id - 1], domain: barred.domain },
      isSomebodyDenied: settings.access.deny.length + settings.access.allow.length > 0,
      keys: options.keys,
      wallSec: world.clock.wall(),
      skewSec: settings.mask.skewSec,
      isClockSteady: !options.faults.has('clock-steps') && !options.faults.has('clock-drift'),
      takesInits: settings.secrets.some((secret) => secret.modes.some((mode) => mode !== 'fake-tls')),
      handshakeTimeoutMs: settings.listen.handshakeTimeoutMs,
      tape: this.#tape,
    }
  }

  #drawTalk(mustEndWell: boolean): TalkPlan {
    const random = this.#random
    const { options, settings } = this.#scene
    const fit = settings.secrets.filter(({ expiresAt, access }) => expiresAt !== EXPIRED_SEC && access !== 'none')
    const served = fit.filter(({ expiresAt, limits }) => expiresAt === 0 && isServed(limits))
    const secret = random.pick(mustEndWell ? served : fit)
    const mode = random.pick(secret.modes)
    const talk = ++this.#talks
    const { proxyProtocol, prewarmTimeoutMs } = settings.listen
    const hasHeader = proxyProtocol !== 'off' && random.chance(1, 4)
    const ending = mustEndWell ? random.pick(['client-ends', 'ends-early', 'dc-ends'] as const) : random.pick(ENDINGS)
    return {
      name: `talk ${talk} (${mode}, ${ending})`,
      talk,
      framing: framingOf(mode, random),
      dc: drawDc(random, !mustEndWell),
      key: options.keys[secret.id - 1],
      ...(mode === 'fake-tls' ? { tls: this.#drawTls(secret.domain) } : {}),
      ...(hasHeader
        ? { proxyHeader: fromAscii(`PROXY TCP4 192.0.2.${talk & 255} 10.0.0.1 ${1024 + talk} 443\r\n`) }
        : {}),
      parts: drawParts(random),
      ahead: random.between(1, 4),
      isInitAlone: random.chance(1, 2),
      prewarmMs: random.chance(1, 3) ? random.between(0, mustEndWell ? prewarmTimeoutMs / 2 : 400_000) : 0,
      trickleBytes: random.chance(1, 4) ? random.between(40, 600) : 0,
      slowOneIn: random.chance(1, 4) ? random.between(2, 20) : 0,
      ending,
      mustEndWell,
    }
  }

  #drawTls(domain: string): NonNullable<TalkPlan['tls']> {
    const random = this.#random
    const isSinceBoot = random.chance(1, 10)
    return {
      domain: random.chance(1, 12) ? '' : domain,
      stamp: isSinceBoot ? random.below(5_000_000) : this.#scene.trueWall + random.between(-5, 5),
      size: random.pick(['today', 'today', 'classic'] as const),
    }
  }
}

/** Whether nothing of its limits can end or refuse a client: slowed it may be. */
function isServed({ connectionsMax, addressesMax, quota }: UserLimits = NO_LIMITS): boolean {
  return connectionsMax + addressesMax === 0 && quota === undefined
}

function framingOf(mode: Mode, random: SeededRandom): Framing {
  return mode === 'plain' ? random.pick(['abridged', 'intermediate'] as const) : 'padded'
}

function drawDc(random: SeededRandom, mayBeUnknown: boolean): number {
  if (mayBeUnknown && random.chance(1, 15)) return random.pick([0, 6, 77, -9, 20_001])
  const dc = random.pick(DC_IDS)
  return random.chance(1, 4) ? -dc : dc
}

function drawParts(random: SeededRandom): TalkPlan['parts'] {
  return Array.from({ length: random.between(1, 7) }, () => ({
    bytes: drawLength(random, PART_MAX_BYTES),
    answerBytes: random.chance(1, 15) ? LARGE_ANSWER_BYTES : drawLength(random, ANSWER_MAX_BYTES),
    quickAck: random.chance(1, 5),
  }))
}

/** Whole words, mostly few. */
function drawLength(random: SeededRandom, limitBytes: number): number {
  const most = random.pick([80, 600, 3_000, limitBytes])
  return PART_MIN + 4 * random.below(Math.floor(most / 4))
}
