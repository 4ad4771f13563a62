import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import type { SeededRandom } from '../world/random.ts'
import type { ProbedConfig } from './configs.ts'
import { Place, type Whom } from './place.ts'
import type { ProbeContext, ProbeKind } from './probes.ts'
import { Visitor, type Visit } from './visit.ts'

/** What came of one probe. */
export interface Sample {
  readonly kind: ProbeKind
  readonly whom: Whom
  readonly visit: Visit
}

/** Nobody waits longer for anything: more than all of a site's own patience and ours one after the other. */
const PATIENCE_MS = 200_000
const EVERY_MS = 25
const HONEST_EVERY_MS = 2_000
const HONEST_STAY_MS = 500
const HONEST_AT_FIRST = 20
/** A replay comes when the client it repeats was answered long before, and mostly while its stamp still counts. */
const FRESH = 40

/** All samples of one configuration, in a random order: of each kind so many at each of those places. */
export function probeAll(
  { settings, keys, sources }: ProbedConfig,
  plan: { readonly kinds: readonly ProbeKind[]; readonly whom: readonly Whom[]; readonly each: number },
  seed: number,
): readonly Sample[] {
  const place = new Place(seed, settings, keys)
  const { world } = place
  const random = world.random('probes')
  const honest = new HonestClients(place, random, { settings, keys })
  const context: ProbeContext = {
    random,
    domains: [...new Set(settings.secrets.map(({ domain }) => domain))],
    get wallSec() {
      return world.clock.wall()
    },
    skewSec: settings.mask.skewSec,
    recorded: () => honest.recorded(),
    lost: (stampSec) => honest.hello(stampSec),
  }
  for (let at = 0; at < HONEST_AT_FIRST; at++) honest.visit()
  world.runFor(HONEST_EVERY_MS)
  const samples: Sample[] = []
  const tasks = shuffled(
    plan.kinds.flatMap((kind) =>
      plan.whom.flatMap((whom) => Array.from({ length: plan.each }, () => ({ kind, whom }))),
    ),
    random,
  )
  tasks.forEach(({ kind, whom }, at) => {
    if (at % (HONEST_EVERY_MS / EVERY_MS) === 0) world.after(at * EVERY_MS, () => honest.visit())
    world.after(at * EVERY_MS, () => {
      const visitor = new Visitor(world, kind.make(context), PATIENCE_MS, (visit) =>
        samples.push({ kind, whom, visit }),
      )
      place.dial(sourceOf(random, sources), whom, visitor.dialing)
    })
  })
  world.runFor(tasks.length * EVERY_MS + PATIENCE_MS + 2_000)
  return samples
}

/** Clients with a secret that a censor watches. */
class HonestClients {
  readonly #place: Place
  readonly #random: SeededRandom
  readonly #config: Pick<ProbedConfig, 'settings' | 'keys'>
  readonly #tape: Uint8Array[] = []

  constructor(place: Place, random: SeededRandom, config: Pick<ProbedConfig, 'settings' | 'keys'>) {
    this.#place = place
    this.#random = random
    this.#config = config
  }

  /** One comes, is answered, and goes; from then on its hello is on the tape. */
  visit(): void {
    const hello = this.hello(this.#place.world.clock.wall())
    const probe = {
      pieces: [{ afterMs: 0, bytes: hello }],
      ending: { how: 'end', afterMs: HONEST_STAY_MS },
    } as const
    const visitor = new Visitor(this.#place.world, probe, PATIENCE_MS, () => this.#tape.push(hello))
    this.#place.dial(`198.51.${this.#random.below(100)}.${this.#random.between(1, 250)}`, 'proxy', visitor.dialing)
  }

  recorded(): Uint8Array {
    const tape = this.#random.chance(3, 4) ? this.#tape.slice(-FRESH) : this.#tape
    return this.#random.pick(tape).slice()
  }

  hello(stamp: number): Uint8Array {
    const { settings, keys } = this.#config
    const at = this.#random.below(keys.length)
    const { domain } = settings.secrets[at]
    return makeClientHello({ random: this.#random, domain, secret: keys[at], stamp }).record
  }
}

/** One of 14 million addresses, or one of a few in as many networks. */
function sourceOf(random: SeededRandom, sources: number | undefined): string {
  const [high, low] = [random.below(sources ?? 60_000), sources === undefined ? random.below(250) : 0]
  return `100.${high >> 8}.${high & 0xff}.${low + 1}`
}

function shuffled<T>(list: readonly T[], random: SeededRandom): readonly T[] {
  const result = [...list]
  for (let at = result.length - 1; at > 0; at--) {
    const other = random.below(at + 1)
    ;[result[at], result[other]] = [result[other], result[at]]
  }
  return result
}
