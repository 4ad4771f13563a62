import type { ProxyEvent } from '../../src/core/events.ts'
import type { UserReading } from '../../src/core/guard/users/index.ts'
import type { Address, SecretId } from '../../src/core/ports.ts'
import type { Settings } from '../../src/core/settings.ts'
import { openCheckers, type Checkers } from '../checkers/index.ts'
import type { Seen } from '../checkers/seen.ts'
import { MachineClock } from '../world/clock.ts'
import type { LinkPlan } from '../world/connection.ts'
import { VirtualGauges } from '../world/gauges.ts'
import type { HostNetwork } from '../world/host.ts'
import { VirtualNat } from '../world/nat.ts'
import { VirtualNetwork } from '../world/network.ts'
import { VirtualSharedMemory, VirtualStore, type PowerLoss } from '../world/store.ts'
import type { SeededRandom } from '../world/random.ts'
import { isInToken } from '../world/vault.ts'
import { World } from '../world/world.ts'
import { Crew } from './crew.ts'
import { Alone, type Front } from './front.ts'
import { calmLink, faultyLink } from './links.ts'
import type { RunOptions } from './options.ts'
import { Places } from './places.ts'
import { ProxyProcess, type ProcessOptions } from './process.ts'
import { TokenTrouble } from './token-trouble.ts'

/** As middle proxies see us: there is a NAT on the way to them. */
const OUTSIDE = '198.51.100.7'
export const PROXY: Address = { ip: '10.0.0.1', port: 443 }
const PROXY_IPV6 = 'fd00::1'

/** The world of a run: the proxy's machine and its processes, Telegram, the mask site. What happens there is the course's business. */
export class Scene {
  readonly options: RunOptions
  readonly world: World
  readonly network: VirtualNetwork
  readonly checkers: Checkers
  readonly places: Places
  /** The proxy's machine; what survives a restart of it. */
  readonly host: HostNetwork
  readonly store: VirtualStore
  /** Of the proxy's machine: how much of what is in use, and what its clocks show. */
  readonly gauges: VirtualGauges
  readonly machine: MachineClock
  readonly memory = new VirtualSharedMemory()
  readonly nat: VirtualNat
  /** The token that secrets may lie in. */
  readonly trouble: TokenTrouble
  /** Undefined where one process has everything. */
  readonly crew: Crew | undefined
  /** What was reached over the run, by name: a simulator that never gets anywhere finds nothing. */
  readonly reached = new Map<string, number>()
  settings: Settings
  /** By how many seconds the proxy's clock was ahead of the true time, at most. */
  worstClockSec = 0
  /** For how long processes were stalled in all, in ms: whatever they do may be late by so much. */
  stalledMs = 0
  /** Losses of all processes at once. */
  crashes = 0
  /** Told when a process runs again behind a crash. */
  onRestart: () => void = () => {}
  readonly #front: Front
  #isCalm = false
  #settingsBefore: Settings | undefined
  readonly #wallStart: number
  readonly #past = { bytes: 0 }

  constructor(options: RunOptions, onTrace?: (atMs: number, what: string) => void) {
    this.options = options
    this.settings = options.settings
    this.world = new World(options.seed, { eventsMax: 3_000_000, ...(onTrace === undefined ? {} : { onTrace }) })
    this.machine = new MachineClock(this.world.clock)
    this.#wallStart = this.world.clock.wall() * 1000 - this.world.now
    this.network = new VirtualNetwork(this.world)
    this.host = this.network.host(PROXY.ip, ...(options.hasIpv6 ? [PROXY_IPV6] : []))
    this.store = new VirtualStore(this.world)
    this.gauges = new VirtualGauges(options.settings)
    this.trouble = new TokenTrouble(this.world, options.keys)
    this.checkers = openCheckers(this)
    const links = this.world.random('links')
    this.network.plan = (_from, to) => this.#link(links, to.ip === PROXY.ip)
    this.network.onDial = (from, to, pid) => this.checkers.dialled(from, to, pid)
    this.network.onOpen = (from, to, pid) => this.checkers.opened(from, to, pid)
    this.network.onHandOver = (connection) => this.checkers.handedOver(connection)
    this.nat = new VirtualNat(this.world, PROXY.ip, OUTSIDE)
    this.places = new Places(this)
    this.crew = options.workers > 1 ? new Crew(this, options.workers) : undefined
    this.#front = this.crew ?? new Alone(this)
    this.start()
  }

  /** Those that live, and those whose death nobody has noticed yet. */
  get processes(): readonly ProxyProcess[] {
    return this.#front.processes
  }
  /** Bytes relayed by all processes of the run that live or were buried; those of a crash are forgotten with it. */
  get relayedBytes(): number {
    return this.processes.reduce((sum, running) => sum + relayedBy(running), this.#past.bytes)
  }
  /** What a clock shows that is right. */
  get trueWall(): number {
    return Math.floor((this.#wallStart + this.world.now) / 1000)
  }
  isInToken(secret: SecretId): boolean {
    return isInToken(this.options.vault, secret)
  }
  get isCalm(): boolean {
    return this.#isCalm
  }
  /** Of the settings that are just being replaced; undefined at any other time. */
  get settingsBefore(): Settings | undefined {
    return this.#settingsBefore
  }
  /** Over all processes. */
  users(): Iterable<UserReading> {
    return this.#front.users()
  }
  /** Without what is of one process alone. */
  quotas(): Iterable<UserReading> {
    return this.#front.quotas()
  }

  readonly tell = (seen: Seen): void => {
    this.world.trace(`seen ${seen.kind}${detailOf(seen)}`)
    if (seen.kind === 'talked') this.reach(`talk ${seen.outcome === 'done' ? 'done' : 'broken'}`)
    this.checkers.seen(seen)
  }

  reach(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1)
  }

  #link(links: SeededRandom, isClient: boolean): LinkPlan {
    if (this.#isCalm) return calmLink(links, isClient)
    const plan = faultyLink(this.options, links, { isClient, stream: (name) => this.world.random(name) })
    if (plan.breaksAt !== undefined) this.reach('fault early-resets')
    if (plan.jitterMs !== undefined) this.reach('fault jitter')
    if (plan.stopsAt !== undefined) this.reach('fault stopped-readers')
    return plan
  }

  /** One step of the world, and everything that must hold after it. */
  step(limitMs: number): boolean {
    const isStepped = this.world.step(limitMs)
    if (isStepped) this.checkers.stepped()
    return isStepped
  }

  runUntil(ms: number): void {
    while (this.step(ms)) continue
    this.world.runUntil(ms)
  }

  until(condition: () => boolean, limitMs: number): boolean {
    const end = this.world.now + limitMs
    while (!condition()) if (!this.step(end)) break
    return condition()
  }

  /** Ends all faults of links, for connections that live as well. */
  calm(): void {
    this.#isCalm = true
    this.network.heal()
  }

  /** The proxy begins. The resolver works then: what it never said cannot serve while it fails. */
  start(): void {
    this.network.isResolverFailing = false
    // So does the token: without it nothing starts.
    this.trouble.heal()
    this.#front.start()
  }

  newProcess(options: ProcessOptions): ProxyProcess {
    return new ProxyProcess(this, options)
  }

  /** A process is gone, and its supervisor has taken back what it held. */
  bury(running: ProxyProcess): void {
    this.#past.bytes += relayedBy(running)
    this.checkers.buried(running.number)
  }

  /** All processes die without a word, or the whole machine; what they kept is there when they start again. */
  crash(how: 'kill' | 'power-cut', disk: PowerLoss = {}): void {
    this.reach(how)
    this.world.trace(how)
    this.crashes++
    this.#front.crash(how)
    if (how === 'kill') this.store.kill()
    else {
      this.store.losePower(disk)
      this.memory.losePower(this.world.random('disk'))
    }
    this.#past.bytes = 0
    this.checkers.crashed(how)
  }

  reload(settings: Settings): void {
    this.reach('reload')
    this.#settingsBefore = this.settings
    this.settings = settings
    // As at a start: a name may be new.
    this.network.isResolverFailing = false
    this.#front.apply(settings)
    this.#settingsBefore = undefined
  }

  /** `done` is called once no connection is left. */
  drain(done: () => void): void {
    this.#front.drain(done)
  }

  close(): void {
    this.#front.close()
  }

  /** An event of that process, its connection numbered so that no other process has one of that number. */
  happened(event: ProxyEvent, pid: number): void {
    const detail = 'reason' in event ? ` ${event.reason}` : 'why' in event ? ` ${event.why}` : ''
    this.world.trace(`event ${event.kind}${detail}`)
    if (event.kind === 'dial-ahead') this.reach(`dial-ahead ${event.result}`)
    else if (event.kind === 'name-state') this.reach(`name ${event.state}`)
    else if (event.kind === 'vault') this.reach(`vault ${event.state}`)
    else if ('reason' in event) this.reach(`${event.kind} ${event.reason}`)
    else this.reach(event.kind)
    this.checkers.event(event, pid)
  }
}

function relayedBy({ proxy }: ProxyProcess): number {
  return proxy.totals.clientToDcBytes + proxy.totals.dcToClientBytes
}

/** For whoever reads a trace. */
function detailOf(seen: Seen): string {
  if (seen.kind === 'speaks') return ` talk ${seen.talk} from ${seen.address.ip}`
  return seen.kind === 'part-at-dc' ? ` part ${seen.part.sequence} of talk ${seen.part.talk} at ${seen.at.ip}` : ''
}
