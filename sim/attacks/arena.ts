import type { ProxyEvent } from '../../src/core/events.ts'
import type { Address, Clock } from '../../src/core/ports.ts'
import { Proxy } from '../../src/core/proxy.ts'
import type { Settings } from '../../src/core/settings.ts'
import { addressesOf } from '../../src/core/telegram/dcs.ts'
import { MaskSite } from '../telegram/mask-site.ts'
import type { LinkPlan, VirtualConnection } from '../world/connection.ts'
import { VirtualGauges } from '../world/gauges.ts'
import type { HostNetwork } from '../world/host.ts'
import { VirtualNetwork } from '../world/network.ts'
import { VirtualSharedMemory, VirtualStore } from '../world/store.ts'
import { Uplink } from '../world/uplink.ts'
import { FakeToken } from '../world/token.ts'
import { World, type Ticker } from '../world/world.ts'
import { CountingDc } from './counting-dc.ts'
import { CountingVault } from './counting-vault.ts'
import { Crowd } from './crowd.ts'
import type { Scenario } from './plan/read.ts'
import { ELSEWHERE } from './leech.ts'
import { DCS, type Stage } from './stage.ts'

const PROXY: Address = { ip: '10.0.0.1', port: 443 }
const SITE_IP = '93.184.216.34'
const EVERYBODY = '198.18.0.1'
const ELSEWHERE_IP = '93.184.216.99'
const TICK_MS = 50
/** Long enough for names to be resolved and the mask host to be looked at. */
const SETTLE_MS = 5_000
/** Of a machine that is large enough for a scenario. */
const SOCKETS_MAX = 100_000
const EVENTS_MAX = 2_000_000_000
const TTL_SEC = 300
/** CKR_DEVICE_ERROR of PKCS#11 v2.40. */
const GONE = { code: 'CKR_DEVICE_ERROR', value: 0x30 }
/** One way, ms. */
const LATENCY = { client: { from: 10, to: 90 }, site: { from: 2, to: 8 }, dc: { from: 5, to: 30 } } as const

/** What is added to every line. */
interface Slowness {
  readonly latencyMs: number
  readonly stallMs: number
}

/** The whole proxy with its guard, Telegram, a web site and everybody else, in virtual time. */
export class Arena implements Stage {
  readonly world: World
  readonly crowd: Crowd
  readonly vault: CountingVault
  readonly network: VirtualNetwork
  readonly store: VirtualStore
  readonly gauges: VirtualGauges
  readonly siteIp = SITE_IP
  /** Told of everything the proxy says once it has settled. */
  onEvent: (event: ProxyEvent) => void = () => {}
  /** Told when the process is killed, which says nothing of its connections. */
  onKill: () => void = () => {}
  /** Of the proxy's clock; people have the right time. */
  clockErrorMs = 0
  /** Dials of the proxy to anything that is neither a DC nor the mask host. */
  strays = 0
  /** Virtual ms at which the scenario begins. */
  readonly startAt: number
  readonly pace = 1
  readonly hasTelegram = true
  #settings: Settings
  #proxy!: Proxy
  readonly #host: HostNetwork
  readonly #memory = new VirtualSharedMemory()
  readonly #isShort: boolean
  #ticker: Ticker | undefined
  #slow: Slowness | undefined
  readonly #slowed = new Map<VirtualConnection, LinkPlan>()
  readonly #token = new FakeToken()

  constructor(scenario: Scenario, seed: number) {
    const { settings, keys, uplink } = scenario
    this.world = new World(seed, { eventsMax: EVENTS_MAX, isTraced: false })
    this.network = new VirtualNetwork(this.world)
    this.#settings = settings
    this.store = new VirtualStore(this.world)
    this.gauges = new VirtualGauges(settings)
    this.#isShort = scenario.fault.some(({ kind }) => kind === 'shortage')
    this.#host = this.network.host(PROXY.ip)
    if (uplink !== undefined) this.#host.uplink = new Uplink(uplink)
    this.crowd = new Crowd(this.network.host(EVERYBODY), PROXY)
    this.#openPlaces(settings)
    keys.forEach((key, at) => this.#token.keys.set(String(at + 1), key))
    this.vault = new CountingVault({
      ...{ world: this.world, token: this.#token, keys, waitMs: settings.listen.handshakeTimeoutMs },
      plan: {
        place: scenario.vault_outage.length > 0 ? 'token' : 'memory',
        outage: scenario.onVaultOutage,
        answerMs: 0,
      },
      emit: (event) => this.onEvent(event),
      deliver: (answer) => answer(),
    })
    this.start()
    this.world.runFor(SETTLE_MS)
    this.startAt = this.world.now
  }

  get proxy(): Proxy {
    return this.#proxy
  }

  /** Ms since the scenario began. */
  get nowMs(): number {
    return this.world.now - this.startAt
  }

  at(ms: number, run: () => void): void {
    this.world.at(this.startAt + ms, run)
  }

  /** The proxy's machine is cut off, with all its connections, or back. */
  setCutOff(isCutOff: boolean): void {
    this.network.setReachability(PROXY.ip, isCutOff ? 'unreachable' : 'open')
    if (isCutOff) this.crowd.sever()
  }

  /** The token of the secrets fails at every call, or works. */
  setVaultGone(isGone: boolean): void {
    this.#token.fail(isGone ? GONE : undefined)
    this.#token.failRestart(isGone ? GONE : undefined)
  }

  /** The process begins, on what the last one has kept. */
  start(): void {
    const { world, vault, store, gauges } = this
    const clock: Clock = {
      mono: () => world.clock.mono(),
      wall: () => world.clock.wall() + Math.floor(this.clockErrorMs / 1000),
    }
    const proxy = new Proxy(
      {
        ...{ clock, random: world.random('proxy'), network: this.#host, resolver: this.#host, vault },
        ...{ memory: this.#memory, store, sharesAhead: 1 },
        ...(this.#isShort ? { gauges: { socketsMax: SOCKETS_MAX, read: () => gauges.read() } } : {}),
      },
      this.#settings,
      (event) => {
        if (this.#proxy === proxy) this.onEvent(event)
      },
    )
    this.#proxy = proxy
    this.#host.listen(PROXY.port, (connection) => proxy.accept(connection))
    proxy.start([PROXY])
    const tick = () => {
      vault.tick()
      proxy.tick()
    }
    this.#ticker = { everyMs: TICK_MS, tick, nextAt: () => (vault.isBusy ? world.now : proxy.wheel.nextAt()) }
    world.addTicker(this.#ticker)
  }

  /** The process dies without a word; what it kept is there when it starts again. */
  kill(): void {
    if (this.#ticker !== undefined) this.world.removeTicker(this.#ticker)
    this.#ticker = undefined
    this.#host.kill()
    this.store.kill()
    this.onKill()
  }

  reload(settings: Settings): void {
    this.#settings = settings
    this.#proxy.apply(settings)
  }

  ipsOfDc(dc: number): readonly string[] {
    return (addressesOf(dc, this.#settings.telegram) ?? []).map(({ ip }) => ip)
  }

  /** Connections that end at one of these addresses are reset by it. */
  cutOff(ips: readonly string[]): void {
    for (const connection of [...this.network.connections]) if (ips.includes(connection.local.ip)) connection.reset()
  }

  /** All lines are so much slower, those that are open as well; undefined: no longer, but those opened meanwhile stay slow. */
  set slow(slow: Slowness | undefined) {
    this.#slow = slow
    for (const [connection, plan] of this.#slowed) connection.plan = plan
    this.#slowed.clear()
    if (slow === undefined) return
    for (const connection of this.network.connections) {
      this.#slowed.set(connection, connection.plan)
      connection.plan = slowed(connection.plan, slow)
    }
  }

  /** Of the settings in force. */
  #isExpected({ ip, port }: Address): boolean {
    const { mask, telegram } = this.#settings
    if (ip === SITE_IP) return port === mask.port
    return DCS.some((id) => addressesOf(id, telegram)?.some((dc) => dc.ip === ip && dc.port === port))
  }

  #openPlaces({ secrets }: Settings): void {
    const { world } = this
    this.network.onDial = (from, to) => {
      if (from === PROXY.ip && !this.#isExpected(to)) this.strays++
    }
    const dc = new CountingDc()
    for (const ip of DCS.flatMap((id) => this.ipsOfDc(id))) this.network.host(ip).listen(443, dc.accept)
    this.network.host(SITE_IP).listen(443, new MaskSite({ name: 'site', after: world.after }).accept)
    for (const domain of new Set(secrets.map((secret) => secret.domain)))
      this.network.setName(domain, [SITE_IP], TTL_SEC)
    this.network.host(ELSEWHERE_IP).listen(443, new MaskSite({ name: ELSEWHERE, after: world.after }).accept)
    this.network.setName(ELSEWHERE, [ELSEWHERE_IP], TTL_SEC)
    const links = world.random('links')
    this.network.plan = (_from, to) => {
      const where = to.ip === PROXY.ip ? 'client' : to.ip === SITE_IP ? 'site' : 'dc'
      const latencyMs = links.between(LATENCY[where].from, LATENCY[where].to)
      const plan = { latencyMs, windowBytes: 131_072, segmentBytes: 65_536, isChoppy: false, stallMs: 0 }
      return this.#slow === undefined ? plan : slowed(plan, this.#slow)
    }
  }
}

function slowed(plan: LinkPlan, { latencyMs, stallMs }: Slowness): LinkPlan {
  return { ...plan, latencyMs: plan.latencyMs + latencyMs, stallMs }
}
