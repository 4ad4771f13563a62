import { z } from 'zod'
import { bandwidth, size } from '../../../src/config/values/amount.ts'
import { cidr } from '../../../src/config/values/net.ts'
import { duration } from '../../../src/config/values/time.ts'
import { anyText, integer, list, oneOf, text } from '../../../src/config/values/value.ts'
import { KINDS } from '../kinds/names.ts'
import { fault } from './faults.ts'
import { pace, share, table } from './values.ts'

const USERS_MAX = 1_000_000
const SECRETS_MAX = 1_000
const SIZE = size(1, 64 << 20)

const name = text('a name of 1 to 40 small letters, digits and "-"', (found) =>
  /^[a-z0-9-]{1,40}$/.test(found) ? found : undefined,
)
const ranges = list(cidr(), 'a list of ranges such as ["198.51.0.0/16"]', 1, 64)

/** How a person's device comes: `every` so often each, or all of them once. */
const arrivals = table({
  kind: oneOf('constant', 'poisson', 'diurnal', 'burst'),
  every: duration(100).prefault('30s'),
  at: duration(0).prefault('0ms'),
  within: duration(1).prefault('10s'),
})

/** What a client does once it is connected. Sizes are means: each is drawn from half of it to half as much again. */
const talk = table({
  requests: integer(1, 10_000).prefault(3),
  request: SIZE.prefault('300 B'),
  answer: SIZE.prefault('12 KB'),
  think: duration(0).prefault('2s'),
  hold: duration(0).prefault('5s'),
})

/** How long a scenario lasts. */
export const length = duration(1_000, 86_400_000)

export const honest = table({
  name,
  users: integer(1, USERS_MAX),
  addresses: integer(1, USERS_MAX).optional(),
  from: ranges,
  arrivals,
  talk: talk.prefault({}),
  noise: share().prefault(0.01),
  dc: integer(1, 5).optional(),
  roaming: share().prefault(0),
  reading: bandwidth().optional(),
  connected_min: share().optional(),
  throughput_lost_max: share().optional(),
})

export const attack = table({
  name,
  kind: oneOf(...KINDS),
  sources: integer(1, USERS_MAX),
  from: ranges,
  rotate: integer(1, 128).optional(),
  rate: pace(),
  start: duration(0).prefault('30s'),
  stop: duration(1),
  hold: duration(0).prefault('5s'),
  ask: SIZE.prefault('8 MB'),
  think: duration(0).prefault('0ms'),
  got_max: size(1, 2 ** 40).optional(),
  got_total_max: size(1, 2 ** 40).optional(),
  trials_max: integer(0, 1_000_000_000).optional(),
})

export const assertions = table({
  honest_connected_min: share().prefault(0.99),
  throughput_lost_max: share().optional(),
  connect_p99_max: duration().optional(),
  honest_banned_max: integer(0, USERS_MAX).optional(),
  attackers_served_max: share().optional(),
  detect_within: duration().optional(),
  recover_within: duration().optional(),
  sources_max: integer(1, 16_777_216).optional(),
  pool_max: size(1, 2 ** 32).optional(),
})

/** Of the line, or of the place where secrets lie. */
export const outage = table({ at: duration(0), for: duration() })

function outages(written: string) {
  return z.array(outage, { error: `tables written as ${written}` }).prefault([])
}

/** One scenario file. Its `[config]` is a configuration like any other, and is read by that one's own schema. */
export const scenarioSchema = table({
  name,
  what: anyText('a sentence', 300),
  duration: length,
  secrets: integer(1, SECRETS_MAX).prefault(1),
  uplink: bandwidth().optional(),
  honest: z
    .array(honest, { error: 'at least one table written as [[honest]]' })
    .min(1, { error: 'at least one table written as [[honest]]' }),
  attack: z.array(attack, { error: 'tables written as [[attack]]' }).prefault([]),
  outage: outages('[[outage]]'),
  vault_outage: outages('[[vault_outage]]'),
  fault: z.array(fault, { error: 'tables written as [[fault]]' }).prefault([]),
  assert: assertions.prefault({}),
})

export type ScenarioFile = z.output<typeof scenarioSchema>
export type HonestPlan = ScenarioFile['honest'][number]
export type AttackPlan = ScenarioFile['attack'][number]
export type Assertions = ScenarioFile['assert']
