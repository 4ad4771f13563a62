import type { Mode } from '../../src/core/events.ts'
import {
  DIRECT_ONLY,
  OPEN_ACCESS,
  UNGUARDED,
  type AccessSettings,
  type SecretSettings,
  type Settings,
  type UserLimits,
} from '../../src/core/settings.ts'
import { SeededRandom } from '../world/random.ts'
import type { VaultPlan } from '../world/vault.ts'
import { WALL_START } from '../world/world.ts'

/** A third of all seeds each (design.md, 5). */
export const PROFILES = ['realistic', 'uniform', 'swarm'] as const
export type Profile = (typeof PROFILES)[number]

/** What came later: half of all seeds have none of these, and go as they went before there were any. */
export const LATER_FAULTS = [
  'early-resets',
  'jitter',
  'stopped-readers',
  'vanished-clients',
  'descriptors',
  'ports',
  'resetting-dcs',
  'wrong-links',
  'wrong-files',
  'resolver-lies',
  'slow-vault',
  'loop-stalls',
  'suspends',
  'torn-writes',
  'fresh-boots',
] as const
/** Where several processes relay. */
export const WORKER_FAULTS = ['worker-kills', 'supervisor-kills', 'worker-restarts'] as const

/** What may go wrong in a run, each on or off. */
export const FAULTS = [
  'stalls',
  'resets',
  'dead-paths',
  'dc-outages',
  'site-outages',
  'store-failures',
  'clock-steps',
  'clock-drift',
  'kills',
  'power-cuts',
  'reloads',
  'stingy-writes',
  'resolver-failures',
  'dc-flaps',
  'shortages',
  'vault-outages',
  ...LATER_FAULTS,
  ...WORKER_FAULTS,
] as const
export type Fault = (typeof FAULTS)[number]
export type LaterFault = (typeof LATER_FAULTS)[number] | (typeof WORKER_FAULTS)[number]

export interface RunOptions {
  readonly seed: number
  readonly profile: Profile
  readonly faults: ReadonlySet<Fault>
  readonly settings: Settings
  /** 16 bytes each, by the index of the secret. */
  readonly keys: readonly Uint8Array[]
  readonly vault: VaultPlan
  /** Processes that relay; 1: one has everything. */
  readonly workers: number
  readonly mask: 'literal' | 'name' | 'domain' | 'none'
  readonly hasIpv6: boolean
  readonly talkers: number
  readonly probers: number
  readonly safetyMs: number
}

/** Below this the pool may run out all at once, and then a connection ends that nobody disturbed. */
export const AMPLE_BUFFERS_BYTES = 2 << 20
export const MASK_IP = '10.0.0.3'
/** What host names of the configuration resolve to: a name must not lead to a private address. */
export const PUBLIC_MASK_IP = '93.184.216.34'
export const MASK_NAME = 'mask.example'
export const BALANCER_IP = '10.0.0.9'
/** Somebody who may not come in where the configuration says so. */
export const DENIED_IP = '203.0.113.66'
/** Long ago, whatever clocks do. */
export const EXPIRED_SEC = 1_700_000_000
const DOMAINS = ['www.example.com', 'shop.example.org', 'www.example.net']
const MODE_SETS: readonly (readonly Mode[])[] = [['fake-tls'], ['padded'], ['fake-tls', 'padded', 'plain'], ['plain']]

/** Everything about a run but its course, from the seed alone. */
export function drawOptions(seed: number): RunOptions {
  const random = new SeededRandom(seed, 'options')
  const profile = PROFILES[seed % PROFILES.length]
  const faults = drawFaults(profile, random)
  // From a stream of its own: a seed that found something before there were flaps does so still.
  const hasFlaps = new SeededRandom(seed, 'flaps').chance(1, 3)
  const hasShortages = new SeededRandom(seed, 'shortages').chance(1, 3)
  const vaults = new SeededRandom(seed, 'vault')
  const place = vaults.pick(['memory', 'memory', 'token', 'both'] as const)
  const outage = vaults.pick(['wait', 'mask'] as const)
  const hasOutages = place !== 'memory' && vaults.chance(3, 4)
  const mask = random.pick(['literal', 'name', 'domain', 'none'] as const)
  const access = new SeededRandom(seed, 'access')
  const workers = drawWorkers(seed)
  const secrets = withLimits(drawSecrets(random, access), new SeededRandom(seed, 'users'))
  return {
    seed,
    profile,
    faults: new Set([
      ...faults,
      ...(hasFlaps ? FLAPS : []),
      ...(hasShortages ? SHORTAGES : []),
      ...(hasOutages ? OUTAGES : []),
      ...drawLaterFaults(seed, faults),
      ...(workers > 1 ? drawWorkerFaults(seed) : []),
    ]),
    settings: drawnSettings(seed, drawSettings(random, mask, secrets), access),
    keys: secrets.map(() => random.bytes(16)),
    workers,
    vault: { place, outage, answerMs: random.pick([0, 0, 1, 5, 40]) },
    mask,
    hasIpv6: random.chance(2, 3),
    talkers: random.between(3, 24),
    probers: random.between(3, 24),
    safetyMs: random.between(20, 120) * 1000,
  }
}

function drawWorkers(seed: number): number {
  const random = new SeededRandom(seed, 'workers')
  return random.chance(1, 6) ? random.pick([2, 2, 3]) : 1
}

function drawLaterFaults(seed: number, others: ReadonlySet<Fault>): readonly Fault[] {
  const random = new SeededRandom(seed, 'later-faults')
  if (random.chance(1, 2)) return []
  const drawn = LATER_FAULTS.filter(() => random.chance(1, 3))
  // What it lied last would be all that is known when it fails for good.
  return others.has('resolver-failures') ? drawn.filter((fault) => fault !== 'resolver-lies') : drawn
}

function drawWorkerFaults(seed: number): readonly Fault[] {
  const random = new SeededRandom(seed, 'worker-faults')
  return WORKER_FAULTS.filter(() => random.chance(1, 2))
}

const LATER: readonly Fault[] = [...LATER_FAULTS, ...WORKER_FAULTS]
const FLAPS: readonly Fault[] = ['dc-flaps']
const SHORTAGES: readonly Fault[] = ['shortages']
const OUTAGES: readonly Fault[] = ['vault-outages']

/** What came later has streams of its own. */
function drawnSettings(seed: number, settings: Omit<Settings, 'access'>, access: SeededRandom): Settings {
  const refusals = new SeededRandom(seed, 'refusals')
  const guard = { ...settings.guard, onRefuse: refusals.pick(['mask', 'mask', 'tarpit', 'drop'] as const) }
  const dialsEarly = new SeededRandom(seed, 'early-dials').chance(3, 4)
  const mask = { ...settings.mask, dialsEarly, ...drawMaskBandwidth(new SeededRandom(seed, 'mask-bandwidth')) }
  return { ...settings, guard, mask, access: drawAccess(access) }
}

/** In a third of all seeds, and so low that a few strangers use it up. */
function drawMaskBandwidth(random: SeededRandom): { readonly bytesPerSec?: number } {
  return random.chance(1, 3) ? { bytesPerSec: random.pick([1_000, 4_000, 20_000]) } : {}
}

/** All but those that came later. */
function drawFaults(profile: Profile, random: SeededRandom): ReadonlySet<Fault> {
  const others = FAULTS.filter((fault) => ![...FLAPS, ...SHORTAGES, ...OUTAGES, ...LATER].includes(fault))
  if (profile === 'realistic') return new Set(others.filter((fault) => REALISTIC.has(fault) && random.chance(1, 2)))
  if (profile === 'uniform') return new Set(others.filter(() => random.chance(1, 3)))
  const share = random.between(1, 9)
  return new Set(others.filter(() => random.chance(share, 10)))
}

const REALISTIC: ReadonlySet<Fault> = new Set([
  'stalls',
  'resets',
  'dc-outages',
  'reloads',
  'clock-drift',
  'kills',
  'resolver-failures',
])

function drawSecrets(random: SeededRandom, access: SeededRandom): readonly SecretSettings[] {
  return Array.from({ length: random.between(1, 5) }, (_, at) => {
    const modes = random.pick(MODE_SETS)
    const hasTag = random.chance(1, 4)
    return {
      id: at + 1,
      name: `s${at + 1}`,
      modes,
      domain: modes.includes('fake-tls') ? random.pick(DOMAINS) : '',
      onRemove: random.pick(['drain', 'close'] as const),
      ...(hasTag ? { adTag: random.bytes(16) } : {}),
      // The first never expires and is not shut out, so that somebody can always be let in.
      expiresAt: at > 0 && random.chance(1, 6) ? EXPIRED_SEC : 0,
      access: at > 0 && access.chance(1, 6) ? 'none' : access.pick(['limited', 'standard', 'full']),
    }
  })
}

/** In half of all seeds; never for the first, so that somebody can always be let in. */
function withLimits(secrets: readonly SecretSettings[], random: SeededRandom): readonly SecretSettings[] {
  if (random.chance(1, 2)) return secrets
  return secrets.map((secret, at) => {
    if (at === 0 || random.chance(1, 4)) return secret
    const ends = secret.expiresAt === 0 && random.chance(1, 6)
    const expiresAt = ends ? WALL_START + random.between(20, 200) : secret.expiresAt
    return { ...secret, expiresAt, limits: drawLimits(random) }
  })
}

/** Of one user. Runs end long before a month does. */
export function drawLimits(random: SeededRandom): UserLimits {
  const bytes = random.pick([3_000, 60_000, 1_000_000])
  const period = random.pick(['day', 'week'] as const)
  return {
    connectionsMax: random.pick([0, 1, 2]),
    addressesMax: random.pick([0, 1, 2]),
    bytesPerSec: random.pick([0, 20_000, 100_000]),
    quota: random.pick([undefined, { bytes, period }]),
  }
}

/** Everybody may come in, or all but one, or nobody but those who do come. */
function drawAccess(random: SeededRandom): AccessSettings {
  return random.pick([
    OPEN_ACCESS,
    { ...OPEN_ACCESS, deny: ['203.0.113.0/24'], rules: [{ cidr: '203.0.0.0/8', level: 'full' }] },
    { ...OPEN_ACCESS, allow: ['198.51.0.0/16', '192.0.2.0/24', '10.0.0.0/8', 'fd00::/8'] },
  ])
}

function drawSettings(
  random: SeededRandom,
  mask: RunOptions['mask'],
  secrets: readonly SecretSettings[],
): Omit<Settings, 'access'> {
  const host = { literal: MASK_IP, name: MASK_NAME, domain: '', none: 'nowhere.invalid' }[mask]
  return {
    listen: {
      proxyProtocol: random.pick(['off', 'optional', 'optional', 'required'] as const),
      proxyProtocolFrom: [BALANCER_IP],
      firstByteTimeoutMs: random.pick([10_000, 60_000]),
      handshakeTimeoutMs: random.pick([3_000, 10_000]),
      prewarmTimeoutMs: random.pick([30_000, 300_000]),
      drainTimeoutMs: random.pick([5_000, 30_000]),
    },
    secrets,
    mask: {
      host,
      port: 443,
      skewSec: random.pick([30, 120]),
      maxBytes: random.pick([6_000, 1 << 20, 1 << 20]),
      maxTimeMs: random.pick([40_000, 600_000, 600_000]),
    },
    telegram: {
      prefer: random.pick(['ipv4', 'ipv6', 'auto'] as const),
      connectTimeoutMs: random.pick([3_000, 5_000]),
      socks5: undefined,
      dc: {},
      prewarm: random.pick([0, 1, 3, 'predict'] as const),
      mode: random.pick(['auto', 'auto', 'direct', 'middle'] as const),
      middle: {
        ...DIRECT_ONLY.middle,
        ...{ secret: 'proxy-secret', config: 'proxy-multi.conf', dcs: random.pick([[], [203], [2, 203]]) },
        stun: ['one.test:3478', 'two.test:3478'],
        linksPerDc: random.between(1, 4),
        maxClientsPerLink: random.pick([2, 8, 512]),
        idleCloseMs: random.pick([20_000, 300_000]),
      },
    },
    guard: {
      ...UNGUARDED,
      isEnabled: random.chance(3, 4),
      isDryRun: random.chance(1, 6),
      connectionsPerIp: random.pick([2, 256]),
      newPerIp: random.pick([
        { perSec: 1, burst: 2 },
        { perSec: 30, burst: 120 },
      ]),
      blockScore: random.pick([20, 100]),
      blockForMs: random.pick([5_000, 600_000]),
      anomaly: random.pick(['off', 'observe', 'enforce'] as const),
    },
    relay: {
      idleTimeoutMs: random.pick([60_000, 900_000]),
      maxLifetimeMs: random.pick([0, 0, 0, 90_000]),
    },
    dns: { staleMs: 86_400_000 },
    memory: {
      buffersBytes: random.pick([128 << 10, 256 << 10, AMPLE_BUFFERS_BYTES, 8 << 20, 64 << 20]),
      perConnectionBytes: random.pick([64 << 10, 128 << 10, 256 << 10]),
      ceilingBytes: 512 << 20,
    },
  }
}
