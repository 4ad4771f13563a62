import { distinguish } from './auc.ts'
import { ALL_MODES, LATE, MASKED, UNMASKED } from './configs.ts'
import type { Whom } from './place.ts'
import { PATIENCE_PROBES, PROBES, RANDOM_BYTES, randomBytesOf, type ProbeKind } from './probes.ts'
import { probeAll, type Sample } from './round.ts'
import { FEATURES, rowOf } from './visit.ts'

/** The most that a distinguisher may do better than a coin: area under its curve (security.md, R2). */
export const AUC_MAX = 0.55
/** Of all samples together this many a class are enough, and trees of more only take longer. */
const POOLED_MAX = 8_000
const BOTH: readonly Whom[] = ['proxy', 'site']
const ALL_PROBES = [...PROBES, ...PATIENCE_PROBES]

/** How well proxy and site can be told apart by one kind of probe, or by several. */
export interface Line {
  readonly title: string
  /** Samples a class. */
  readonly samples: number
  readonly auc: number
  readonly mostTelling: string | undefined
}

export interface Report {
  /** What must hold: by kind, by configuration, and all together. */
  readonly byKind: readonly Line[]
  readonly byConfig: readonly Line[]
  readonly pooled: Line
  /** By what the site answers, where the mask host is dialled late. */
  readonly late: Line
  /** What is known not to hold, and how little. */
  readonly known: readonly Line[]
  /** Without a mask host, where there is no site to be compared with: of one length of garbage against another. */
  readonly unmasked: readonly Line[]
}

export interface MeasureOptions {
  readonly seed: number
  /** Of each kind, class and configuration. */
  readonly each: number
}

/** Every kind of probe, at the proxy and at the site it hides behind, in all configurations; and a tree that learns the difference. */
export function measure({ seed, each }: MeasureOptions): Report {
  const rounds = MASKED.map((config, at) => ({
    config,
    samples: probeAll(config, { kinds: ALL_PROBES, whom: BOTH, each }, seed + at),
  }))
  const all = rounds.flatMap(({ samples }) => samples)
  return {
    byKind: ALL_PROBES.map((kind) => lineOf(titleOf(kind), ofKind(all, kind))),
    byConfig: rounds.map(({ config, samples }) => pooledLine(config.name, samples)),
    pooled: pooledLine('all together', all),
    late: pooledLine(LATE.name, probeAll(LATE, { kinds: PROBES, whom: BOTH, each }, seed)),
    known: knownOf(seed, each),
    unmasked: unmaskedOf(seed, each),
  }
}

/** What holds for no proxy, and what does not hold where clients without TLS come to the same port. */
function knownOf(seed: number, each: number): readonly Line[] {
  const [browser] = PROBES.slice(-1)
  const bare = probeAll(MASKED[0], { kinds: [browser], whom: ['proxy', 'bare-site'], each: 4 * each }, seed)
  const late = probeAll(LATE, { kinds: PATIENCE_PROBES, whom: BOTH, each: 4 * each }, seed + 1)
  const modes = probeAll(ALL_MODES, { kinds: [RANDOM_BYTES], whom: BOTH, each: 4 * each }, seed)
  return [
    ...PATIENCE_PROBES.map((kind) => lineOf(`${titleOf(kind)}, dialled late`, ofKind(late, kind))),
    lineOf(`${titleOf(browser)}, of a site without a front`, bare, 'bare-site'),
    lineOf(`${titleOf(RANDOM_BYTES)}, with padded and plain modes`, modes),
  ]
}

/** One kind that sends fewer bytes than a bound, and one that sends as many or more. */
function unmaskedOf(seed: number, each: number): readonly Line[] {
  return [64, 517].map((bound) => {
    const kinds = [randomBytesOf((length) => length < bound), randomBytesOf((length) => length >= bound)]
    const samples = probeAll(UNMASKED, { kinds, whom: ['proxy'], each: 4 * each }, seed)
    const [below, above] = kinds.map((kind) => rowsOf(ofKind(samples, kind), 'proxy'))
    return { title: `no mask host: under ${bound} bytes or not`, samples: below.length, ...told(below, above) }
  })
}

function lineOf(title: string, samples: readonly Sample[], other: Whom = 'site'): Line {
  const [ours, theirs] = [rowsOf(samples, 'proxy'), rowsOf(samples, other)]
  return { title, samples: ours.length, ...told(ours, theirs) }
}

/** Over many kinds: a censor knows what it said, so that is a feature as well. */
function pooledLine(title: string, samples: readonly Sample[]): Line {
  const rows = (whom: Whom) => {
    const ofWhom = samples.filter((sample) => sample.whom === whom)
    const step = Math.max(1, Math.floor(ofWhom.length / POOLED_MAX))
    const some = ofWhom.filter((_, at) => at % step === 0)
    return some.map(({ kind, visit }) => [...rowOf(visit), ALL_PROBES.indexOf(kind)])
  }
  const ours = rows('proxy')
  return { title, samples: ours.length, ...told(ours, rows('site')) }
}

function told(ours: readonly (readonly number[])[], theirs: readonly (readonly number[])[]) {
  const { auc, mostTelling } = distinguish(ours, theirs)
  return { auc, mostTelling: mostTelling === undefined ? undefined : (FEATURES[mostTelling] ?? 'kind of probe') }
}

function rowsOf(samples: readonly Sample[], whom: Whom): readonly (readonly number[])[] {
  return samples.filter((sample) => sample.whom === whom).map(({ visit }) => rowOf(visit))
}

function ofKind(samples: readonly Sample[], kind: ProbeKind): readonly Sample[] {
  return samples.filter((sample) => sample.kind === kind)
}

function titleOf({ id, name }: ProbeKind): string {
  return `${id.padEnd(3)} ${name}`
}
