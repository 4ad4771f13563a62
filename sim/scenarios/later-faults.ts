import type { NameAnswer } from '../../src/core/ports.ts'
import type { SeededRandom } from '../world/random.ts'
import { LATER_FAULTS, WORKER_FAULTS, type LaterFault } from './options.ts'
import { PROXY, type Scene } from './scene.ts'
import { SLOW_MS } from './token-trouble.ts'

/** One that happens at moments: how often in a run, and what it does. */
interface Happening {
  readonly times: readonly [number, number]
  readonly begin: (scene: Scene, random: SeededRandom) => void
}

const STALL_MAX_MS = 2_000
/** Short naps, and longer than anything in the proxy waits for. */
const SLEEPS_MS = [3_000, 20_000, 70_000, 200_000] as const
const UPTIMES_MS = [30_000, 500_000, 40 * 86_400_000] as const
const PRIVATE_IPS = ['127.0.0.1', '10.0.0.3', '192.168.7.7', PROXY.ip]
/** Nobody is there. */
const NOWHERE = '203.0.114.9'

/** Those that are not properties of links, which have them from the start. */
const HAPPENINGS: Readonly<Partial<Record<LaterFault, Happening>>> = {
  'vanished-clients': { times: [2, 8], begin: vanish },
  descriptors: { times: [1, 4], begin: runOutOfDescriptors },
  ports: { times: [1, 3], begin: runOutOfPorts },
  'resetting-dcs': { times: [1, 5], begin: resetAll },
  'wrong-links': { times: [1, 2], begin: goWrong('areLinksWrong') },
  'wrong-files': { times: [1, 3], begin: goWrong('areFilesWrong') },
  'resolver-lies': { times: [1, 3], begin: lie },
  'slow-vault': { times: [1, 3], begin: slowDown },
  'loop-stalls': { times: [1, 5], begin: stall },
  suspends: { times: [1, 2], begin: sleep },
  'torn-writes': { times: [1, 2], begin: tear },
  'fresh-boots': { times: [1, 2], begin: bootAnew },
  'worker-kills': { times: [1, 4], begin: (scene) => void scene.crew?.killOne() },
  'supervisor-kills': { times: [1, 2], begin: (scene) => scene.crew?.killSupervisor() },
  'worker-restarts': { times: [1, 2], begin: (scene) => void scene.crew?.restart() },
}

/** As `planFaults`, for what came later: each has a stream of its own. */
export function planLaterFaults(scene: Scene, untilMs: number): void {
  const { world, options } = scene
  for (const fault of [...LATER_FAULTS, ...WORKER_FAULTS]) {
    const happening = HAPPENINGS[fault]
    if (happening === undefined || !options.faults.has(fault)) continue
    const random = world.random(fault)
    const begin = () => {
      // Nothing happens to a machine that sleeps.
      if (scene.isCalm || scene.host.isBusy) return
      scene.reach(`fault ${fault}`)
      world.trace(`fault ${fault}`)
      happening.begin(scene, random)
    }
    for (let i = random.between(...happening.times); i > 0; i--) world.at(random.between(world.now, untilMs), begin)
  }
  // What comes first is what a process starts with.
  if (options.faults.has('wrong-files')) scene.places.areFilesWrong = world.random('wrong-files').chance(1, 2)
}

/** As `repair`. What sleeps wakes by itself before. */
export function repairLater(scene: Scene): void {
  const { network, places, trouble, host, processes } = scene
  network.resolverLie = undefined
  places.areFilesWrong = places.areLinksWrong = false
  trouble.slowMs = 0
  for (const each of [host, ...processes.map((running) => running.host)]) each.heal()
}

/** A client's machine is gone without a word, from the middle of whatever it did. */
function vanish({ network, world }: Scene, random: SeededRandom): void {
  const ours = [...network.connections].filter(({ local }) => local.ip === PROXY.ip && local.port === PROXY.port)
  if (ours.length === 0) return
  const gone = random.pick(ours)
  world.trace(`${gone.id} vanishes`)
  gone.peer.vanish()
}

function runOutOfDescriptors({ processes, world }: Scene, random: SeededRandom): void {
  if (processes.length === 0) return
  const { host } = random.pick(processes)
  host.descriptorsMax = Math.max(1, host.open + random.between(-3, 3))
  world.after(random.between(500, 10_000), () => host.heal())
}

function runOutOfPorts({ processes, world }: Scene, random: SeededRandom): void {
  if (processes.length === 0) return
  const { host } = random.pick(processes)
  host.dialFault = 'error'
  world.after(random.between(500, 10_000), () => host.heal())
}

function resetAll({ network, places, world }: Scene, random: SeededRandom): void {
  const ip = random.pick([...places.farIps, places.site?.ip ?? places.farIps[0]])
  network.setReachability(ip, 'resetting')
  world.after(random.between(500, 30_000), () => network.setReachability(ip, 'open'))
}

function goWrong(what: 'areLinksWrong' | 'areFilesWrong') {
  return ({ places, world }: Scene, random: SeededRandom) => {
    places[what] = true
    world.after(random.between(5_000, 60_000), () => (places[what] = false))
  }
}

/** Addresses that must not be used, that lead nowhere, in another order each time, or none. */
function lie({ network, world }: Scene, random: SeededRandom): void {
  const how = random.pick(['private', 'nowhere', 'rotating', 'none'] as const)
  const ttlSec = random.pick([0, 5, 30])
  const say = (...ips: string[]): NameAnswer => ({ kind: 'addresses', ips, ttlSec })
  network.resolverLie = (truth) => {
    if (how === 'none') return { kind: 'no-address' }
    if (how === 'private') return say(random.pick(PRIVATE_IPS))
    if (how === 'nowhere' || truth?.kind !== 'addresses') return say(NOWHERE)
    return random.chance(1, 2) ? say(NOWHERE, ...truth.ips) : say(...truth.ips, NOWHERE)
  }
  world.after(random.between(2_000, 40_000), () => (network.resolverLie = undefined))
}

function slowDown({ trouble, world }: Scene, random: SeededRandom): void {
  trouble.slowMs = SLOW_MS
  world.after(random.between(2_000, 20_000), () => (trouble.slowMs = 0))
}

/** One process computes, or collects garbage. */
function stall(scene: Scene, random: SeededRandom): void {
  if (scene.processes.length === 0) return
  const ms = random.between(100, STALL_MAX_MS)
  random.pick(scene.processes).host.stall(ms)
  scene.stalledMs += ms
}

/** The machine sleeps, or its processes are frozen: then the first clock goes on. */
function sleep(scene: Scene, random: SeededRandom): void {
  const { world, machine, host, processes } = scene
  const ms = random.pick(SLEEPS_MS)
  const isCounted = random.chance(1, 2)
  const { crashes } = scene
  for (const each of [host, ...processes.map((running) => running.host)]) each.stall(ms + 1)
  scene.stalledMs += ms + 1
  world.after(ms, () => {
    if (!isCounted && crashes === scene.crashes) machine.miss(ms)
  })
}

/** Power is lost while the disk writes, and one old value is not what it was. */
function tear(scene: Scene, random: SeededRandom): void {
  scene.crash('power-cut', { torn: random, ...(random.chance(1, 2) ? { flips: random } : {}) })
  scene.start()
}

/** Power is lost, and the first clock begins anew with the machine. */
function bootAnew(scene: Scene, random: SeededRandom): void {
  scene.crash('power-cut')
  scene.machine.restart(random.pick(UPTIMES_MS))
  scene.start()
}
