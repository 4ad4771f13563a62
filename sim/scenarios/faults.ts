import { OVERLOAD_RESOURCES } from '../../src/core/events.ts'
import type { Settings } from '../../src/core/settings.ts'
import type { SeededRandom } from '../world/random.ts'
import { planLaterFaults, repairLater } from './later-faults.ts'
import { drawLimits, type Fault, type LaterFault } from './options.ts'
import { DC_IDS } from './places.ts'
import type { Scene } from './scene.ts'

/** What came later is in `later-faults.ts`. */
type Planned = Exclude<Fault, LaterFault>

const DOWN_MS = { min: 500, max: 30_000 }
const FLAP_MS = 500
const SHORT_MS = 20_000
const STEP_MAX_SEC = 4_000
const DRIFT_MAX_PPM = 20_000

/**
 * Plans what goes wrong between now and `untilMs`. Whatever began ends by itself, or with `repair`. Times are drawn for all faults
 * of the seed, so that those that stay keep theirs where a case leaves others out.
 */
export function planFaults(scene: Scene, untilMs: number, drawn: ReadonlySet<Fault> = scene.options.faults): void {
  const { world, options } = scene
  const random = world.random('faults')
  const flaps = world.random('flaps')
  const shortages = world.random('shortages')
  const vault = world.random('vault')
  const times: Readonly<Partial<Record<Planned, number>>> = {
    'dc-outages': random.between(1, 6),
    'site-outages': 2,
    'store-failures': 2,
    'clock-steps': random.between(1, 3),
    'clock-drift': 1,
    kills: random.between(1, 2),
    'power-cuts': 1,
    reloads: random.between(1, 3),
    'resolver-failures': 1,
    'dc-flaps': flaps.between(1, 3),
    shortages: shortages.between(1, 4),
    'vault-outages': vault.between(1, 5),
  }
  for (const [fault, count] of Object.entries(times)) {
    if (!drawn.has(fault as Fault)) continue
    const from = { 'dc-flaps': flaps, shortages, 'vault-outages': vault }[fault] ?? random
    for (let i = 0; i < count; i++) {
      const at = from.between(world.now, untilMs)
      if (options.faults.has(fault as Fault)) world.at(at, () => happen(scene, fault as Planned))
    }
  }
  planLaterFaults(scene, untilMs)
}

/** Everything works again, and every clock is right. */
export function repair(scene: Scene): void {
  const { network, store, world } = scene
  const { site } = scene.places
  repairLater(scene)
  scene.gauges.relax()
  scene.trouble.heal()
  for (const ip of scene.places.farIps) network.setReachability(ip, 'open')
  if (site !== undefined) network.setReachability(site.ip, 'open')
  store.isFailing = false
  world.clock.setDrift(0)
  world.clock.stepWall(scene.trueWall - world.clock.wall())
  scene.calm()
}

function happen(scene: Scene, fault: Planned): void {
  // Nothing happens to a machine that sleeps.
  if (scene.isCalm || scene.host.isBusy) return
  const { network, store, world } = scene
  const { site } = scene.places
  const random = world.random('faults')
  const flaps = world.random('flaps')
  scene.reach(`fault ${fault}`)
  world.trace(`fault ${fault}`)
  switch (fault) {
    case 'dc-outages':
      takeDown(scene, random.pick(scene.places.farIps))
      break
    case 'dc-flaps':
      flap(scene, scene.places.ofDc(flaps.pick(DC_IDS)), flaps.between(5, 40))
      break
    case 'shortages':
      runShort(scene, world.random('shortages'))
      break
    case 'vault-outages':
      scene.reach(`token ${scene.trouble.begin(world.random('vault'))}`)
      break
    case 'site-outages':
      if (site !== undefined) takeDown(scene, site.ip)
      break
    case 'store-failures':
      store.isFailing = true
      world.after(random.between(DOWN_MS.min, DOWN_MS.max), () => (store.isFailing = false))
      break
    case 'clock-steps':
      world.clock.stepWall(random.between(-STEP_MAX_SEC, STEP_MAX_SEC))
      scene.worstClockSec = Math.max(scene.worstClockSec, world.clock.wall() - scene.trueWall)
      break
    case 'clock-drift':
      world.clock.setDrift(random.between(-DRIFT_MAX_PPM, DRIFT_MAX_PPM))
      break
    case 'kills':
      scene.crash('kill')
      scene.start()
      break
    case 'power-cuts':
      scene.crash('power-cut')
      scene.start()
      break
    case 'reloads':
      scene.reload(changed(scene))
      break
    case 'resolver-failures':
      // Until the process starts again, or its settings change.
      network.isResolverFailing = true
      break
    case 'stalls':
    case 'resets':
    case 'dead-paths':
    case 'stingy-writes':
      // Of links, which have them from the start.
      break
  }
  function takeDown(of: Scene, ip: string): void {
    of.network.setReachability(ip, random.pick(['refusing', 'black-hole', 'unreachable'] as const))
    world.after(random.between(DOWN_MS.min, DOWN_MS.max), () => network.setReachability(ip, 'open'))
  }
}

/** One resource is nearly used up for a while, or used up; its reading goes up and down meanwhile. */
function runShort(scene: Scene, random: SeededRandom): void {
  const { gauges, world } = scene
  const resource = random.pick(OVERLOAD_RESOURCES)
  // The first threshold of lag is at a quarter of the second, all others are at 0.85 and 0.95.
  const least = resource === 'loop_lag' ? 15 : 75
  const set = (afterMs: number, share: number) =>
    world.after(afterMs, () => {
      if (!scene.isCalm) gauges.set(resource, share)
    })
  for (let i = random.between(1, 6); i > 0; i--) set(random.below(SHORT_MS), random.between(least, 110) / 100)
  set(SHORT_MS, 0)
}

/** Once a second they are out of reach for half of it; whoever is connected then is cut off, in order or not. */
function flap(scene: Scene, ips: readonly string[], times: number): void {
  const { network, world } = scene
  const random = world.random('flaps')
  if (scene.isCalm || times === 0) return
  for (const ip of ips) network.setReachability(ip, random.pick(['refusing', 'black-hole', 'unreachable'] as const))
  for (const connection of [...network.connections]) {
    if (!ips.includes(connection.local.ip)) continue
    if (random.chance(1, 2)) connection.end()
    else connection.reset()
  }
  world.after(FLAP_MS, () => {
    for (const ip of ips) network.setReachability(ip, 'open')
    world.after(FLAP_MS, () => flap(scene, ips, times - 1))
  })
}

/** Other limits; now and then one secret less, or all of them again. */
function changed({ options, settings, world }: Scene): Settings {
  const random = world.random('faults')
  const users = world.random('users')
  const secrets = options.settings.secrets.map((secret) =>
    secret.limits === undefined || users.chance(1, 2)
      ? secret
      : { ...secret, limits: { ...drawLimits(users), quota: secret.limits.quota } },
  )
  const without = random.below(secrets.length)
  return {
    ...settings,
    secrets:
      secrets.length > 1 && random.chance(1, 2) ? secrets.filter((_, at) => at !== without || at === 0) : secrets,
    relay: { ...settings.relay, idleTimeoutMs: random.pick([60_000, 300_000]) },
    listen: { ...settings.listen, handshakeTimeoutMs: random.pick([3_000, 10_000]) },
  }
}
