import { assert } from '../../src/core/assert.ts'
import type { ProxyEvent } from '../../src/core/events.ts'
import type { Address, SecretId } from '../../src/core/ports.ts'
import { Proxy } from '../../src/core/proxy.ts'
import type { Settings } from '../../src/core/settings.ts'
import { addressesOf } from '../../src/core/telegram/dcs.ts'
import { openCheckers, type Checkers } from '../checkers/index.ts'
import type { Seen } from '../checkers/seen.ts'
import { WatchedVault } from '../checkers/watched-vault.ts'
import { MaskSite } from '../telegram/mask-site.ts'
import { PLACE_USED_AGAIN } from '../telegram/middle-link.ts'
import { SimulatedMiddleProxy } from '../telegram/middle-proxy.ts'
import { TalkBackend } from '../telegram/talk-backend.ts'
import { TalkDc } from '../telegram/talk-dc.ts'
import type { HostNetwork } from '../world/host.ts'
import { VirtualGauges } from '../world/gauges.ts'
import { VirtualNat } from '../world/nat.ts'
import { VirtualNetwork } from '../world/network.ts'
import { VirtualSharedMemory, VirtualStore } from '../world/store.ts'
import { SimulatedVault } from '../world/vault.ts'
import { World, type Ticker } from '../world/world.ts'
import { fromAscii } from '../../src/core/protocol/bytes.ts'
import { readProxySecret } from '../../src/core/protocol/rpc/index.ts'
import { calmLink, faultyLink } from './links.ts'
import { MASK_IP, MASK_NAME, PUBLIC_MASK_IP, type RunOptions } from './options.ts'
import { TokenTrouble } from './token-trouble.ts'

/** As middle proxies see us: there is a NAT on the way to them. */
const OUTSIDE = '198.51.100.7'
export const PROXY: Address = { ip: '10.0.0.1', port: 443 }
const PROXY_IPV6 = 'fd00::1'
export const DC_IDS = [1, 2, 3, 4, 5, 203, 10_001, 10_002, 10_003] as const
const TICK_MS = 50
const DC_SILENCE_MS = 40_000
/** Short, so that names grow old within a run. */
const TTL_SEC = 30
/** Media and others each have a fleet of their own; DC 5 has none, and goes to the default's. */
const MIDDLE_DCS = [1, -1, 2, -2, 3, -3, 4, -4, 203, -203] as const
const MIDDLE_DEFAULT = 2
const MIDDLE_PORT = 8888
/** Telegram closes links every 30 to 70 seconds; runs are short, so some are closed sooner. */
const ROTATE_MS = { min: 4_000, max: 70_000 }

/** The places of a run: the proxy's machine, Telegram, the mask site. What happens there is the course's business. */
export class Scene {
  readonly options: RunOptions
  readonly world: World
  readonly network: VirtualNetwork
  readonly checkers: Checkers
  /** The proxy's machine; what survives a restart of it. */
  readonly host: HostNetwork
  readonly store: VirtualStore
  /** Of the proxy's machine: how much of what is in use. */
  readonly gauges: VirtualGauges
  readonly memory = new VirtualSharedMemory()
  /** The token that secrets may lie in. */
  readonly trouble: TokenTrouble
  /** What was reached over the run, by name: a simulator that never gets anywhere finds nothing. */
  readonly reached = new Map<string, number>()
  settings: Settings
  /** By how many seconds the proxy's clock was ahead of the true time, at most. */
  worstClockSec = 0
  #proxy!: Proxy
  #vault!: SimulatedVault
  #ticker: Ticker | undefined
  /** Told when the process runs again behind a crash. */
  onRestart: () => void = () => {}
  #isCalm = false
  #settingsBefore: Settings | undefined
  readonly #wallStart: number
  readonly #proxySecret: Uint8Array
  readonly #nat: VirtualNat

  constructor(options: RunOptions, onTrace?: (atMs: number, what: string) => void) {
    this.options = options
    this.settings = options.settings
    this.world = new World(options.seed, { eventsMax: 3_000_000, ...(onTrace === undefined ? {} : { onTrace }) })
    this.#wallStart = this.world.clock.wall() * 1000 - this.world.now
    this.network = new VirtualNetwork(this.world)
    this.host = this.network.host(PROXY.ip, ...(options.hasIpv6 ? [PROXY_IPV6] : []))
    this.store = new VirtualStore(this.world)
    this.gauges = new VirtualGauges(options.settings)
    this.trouble = new TokenTrouble(this.world, options.keys)
    this.checkers = openCheckers(this)
    const links = this.world.random('links')
    this.network.plan = (_from, to) => (this.#isCalm ? calmLink(links, to.ip === PROXY.ip) : faultyLink(options, links))
    this.network.onDial = (from, to) => this.checkers.dialled(from, to)
    this.network.onOpen = (from, to) => this.checkers.opened(from, to)
    this.network.onHandOver = (connection) => this.checkers.handedOver(connection)
    this.#proxySecret = this.world.random('proxy-secret').bytes(128)
    this.#nat = new VirtualNat(this.world, PROXY.ip, OUTSIDE)
    this.#openTelegram()
    this.#openMiddleProxies()
    this.#openSite()
    this.start()
  }

  get proxy(): Proxy {
    return this.#proxy
  }
  /** What a clock shows that is right. */
  get trueWall(): number {
    return Math.floor((this.#wallStart + this.world.now) / 1000)
  }
  /** Where the mask site is; undefined when the configuration leads nowhere. */
  get site(): Address | undefined {
    const { mask, settings } = this.options
    const isNowhere = mask === 'none' || (mask === 'domain' && settings.secrets.every(({ domain }) => domain === ''))
    return isNowhere ? undefined : { ip: mask === 'literal' ? MASK_IP : PUBLIC_MASK_IP, port: 443 }
  }
  get dcIps(): readonly string[] {
    return DC_IDS.flatMap((dc) => this.addressesOfDc(dc))
  }
  /** Everything of Telegram's that can be out of reach. */
  get farIps(): readonly string[] {
    return [...this.dcIps, ...MIDDLE_DCS.map(middleIp)]
  }
  isInToken(secret: SecretId): boolean {
    return this.#vault.isInToken(secret)
  }
  get isCalm(): boolean {
    return this.#isCalm
  }
  /** Of the settings that are just being replaced; undefined at any other time. */
  get settingsBefore(): Settings | undefined {
    return this.#settingsBefore
  }

  addressesOfDc(dc: number): readonly string[] {
    return (addressesOf(dc, this.settings.telegram) ?? []).map(({ ip }) => ip)
  }

  /** Where a client of that DC may end up: at the DC, or at the middle proxy for it. */
  placesOfDc(dc: number): readonly string[] {
    const isListed = (MIDDLE_DCS as readonly number[]).includes(dc)
    return [...this.addressesOfDc(dc), middleIp(isListed ? dc : MIDDLE_DEFAULT)]
  }

  readonly tell = (seen: Seen): void => {
    this.world.trace(`seen ${seen.kind}${detailOf(seen)}`)
    if (seen.kind === 'talked') this.reach(`talk ${seen.outcome === 'done' ? 'done' : 'broken'}`)
    this.checkers.seen(seen)
  }

  reach(what: string): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + 1)
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

  /** The proxy's process begins. The resolver works then: what it never said cannot serve while it fails. */
  start(): void {
    const { options, world, host } = this
    this.network.isResolverFailing = false
    // So does the token: without it nothing starts.
    this.trouble.heal()
    const vault: SimulatedVault = new SimulatedVault({
      ...{ world, plan: options.vault, token: this.trouble.token, keys: options.keys },
      waitMs: this.settings.listen.handshakeTimeoutMs,
      emit: (event) => this.#happened(event),
      isAlive: () => proxy === this.#proxy && this.#ticker !== undefined,
    })
    this.#vault = vault
    const isWatched = options.vault.place !== 'memory'
    const proxy = new Proxy(
      {
        clock: world.clock,
        random: world.random('proxy'),
        network: host,
        resolver: host,
        vault: isWatched ? new WatchedVault(vault, options.keys, () => world.now, this.checkers) : vault,
        memory: this.memory,
        store: this.store,
        fetcher: { fetch: (source, _maxBytes, reply) => void world.after(15, () => reply(this.#fetch(source))) },
        publicAddress: this.#nat,
        gauges: this.gauges,
        run: { pid: 4711, startedSec: world.clock.wall() },
        debugBuffers: true,
        sharesAhead: 1,
      },
      this.settings,
      (event) => {
        if (proxy === this.#proxy) this.#happened(event)
      },
    )
    this.#proxy = proxy
    host.listen(PROXY.port, (connection) => proxy.accept(connection))
    proxy.start([PROXY])
    const tick = () => {
      vault.tick()
      proxy.tick()
    }
    this.#ticker = { everyMs: TICK_MS, tick, nextAt: () => (vault.isBusy ? world.now : proxy.wheel.nextAt()) }
    world.addTicker(this.#ticker)
    this.onRestart()
  }

  /** The process dies without a word, or the whole machine; what it kept is there when it starts again. */
  crash(how: 'kill' | 'power-cut'): void {
    this.reach(how)
    this.world.trace(how)
    if (this.#ticker !== undefined) this.world.removeTicker(this.#ticker)
    this.#ticker = undefined
    if (how === 'kill') {
      this.host.kill()
      this.store.kill()
    } else {
      this.host.losePower()
      this.store.losePower()
      this.memory.losePower(this.world.random('disk'))
    }
    this.checkers.crashed(how)
  }

  reload(settings: Settings): void {
    this.reach('reload')
    this.#settingsBefore = this.settings
    this.settings = settings
    // As at a start: a name may be new.
    this.network.isResolverFailing = false
    this.#vault.waitMs = settings.listen.handshakeTimeoutMs
    this.#proxy.apply(settings)
    this.#settingsBefore = undefined
  }

  #happened(event: ProxyEvent): void {
    const detail = 'reason' in event ? ` ${event.reason}` : 'why' in event ? ` ${event.why}` : ''
    this.world.trace(`event ${event.kind}${detail}`)
    if (event.kind === 'dial-ahead') this.reach(`dial-ahead ${event.result}`)
    else if (event.kind === 'name-state') this.reach(`name ${event.state}`)
    else if (event.kind === 'vault') this.reach(`vault ${event.state}`)
    else if ('reason' in event) this.reach(`${event.kind} ${event.reason}`)
    else this.reach(event.kind)
    this.checkers.event(event)
  }

  #openTelegram(): void {
    const { world, network, options } = this
    const silences = world.random('silences')
    const dc = new TalkDc({
      random: world.random('dc'),
      after: world.after,
      silenceMs: () => (this.#isCalm ? DC_SILENCE_MS : silences.between(2_000, DC_SILENCE_MS)),
      slowOneIn: options.profile === 'realistic' ? 40 : 8,
      onPart: (part, at) => this.tell({ kind: 'part-at-dc', part, at }),
      onNonsense: (what) => this.tell({ kind: 'nonsense-at-dc', what }),
    })
    for (const ip of this.dcIps) network.host(ip).listen(443, dc.accept)
  }

  /** Telegram's files, or what comes of asking for them while it is out of reach. */
  #fetch(source: string): { readonly bytes: Uint8Array } | { readonly why: string } {
    if (this.store.isFailing) return { why: 'out of reach' }
    if (source === 'proxy-secret') return { bytes: this.#proxySecret }
    const lines = MIDDLE_DCS.map((dc) => `proxy_for ${dc} ${middleIp(dc)}:${MIDDLE_PORT};\n`)
    return { bytes: fromAscii(`default ${MIDDLE_DEFAULT};\n${lines.join('')}`) }
  }

  #openMiddleProxies(): void {
    const { world, network } = this
    const secret = readProxySecret(this.#proxySecret)
    assert(!('fault' in secret), 'random bytes make a secret')
    const next = new Map<number, number>()
    const random = world.random('middle')
    for (const dc of MIDDLE_DCS) {
      const backend = new TalkBackend({
        at: { ip: middleIp(dc), port: MIDDLE_PORT },
        onPart: (part, at) => this.tell({ kind: 'part-at-dc', part, at }),
        onNonsense: (what) => this.tell({ kind: 'nonsense-at-dc', what }),
        next,
      })
      const { clock, after } = world
      const middle = new SimulatedMiddleProxy({
        ...{ clock, random, after, secret, dc, backend },
        seen: { proxy: this.#nat.seen },
      })
      middle.onFault = (why) => {
        if (why === PLACE_USED_AGAIN) this.checkers.fail('I7', why)
        // A clock that steps in mid-handshake and a path that is dead are nobody's fault.
        if (why !== 'clock-skew' && why !== 'no pong')
          this.tell({ kind: 'nonsense-at-dc', what: `${why}, by middle proxy` })
      }
      network.host(middleIp(dc)).listen(MIDDLE_PORT, (connection) => {
        // In a time without faults no link is closed: a client whose request is lost with it is told so by its end.
        const rotates = this.#isCalm ? {} : { closeAfterMs: random.between(ROTATE_MS.min, ROTATE_MS.max) }
        middle.behaviour = { pingEveryMs: 20_000, pongWithinMs: 120_000, ...rotates }
        return middle.accept(connection)
      })
    }
  }

  #openSite(): void {
    const { site, network, world, options } = this
    if (site === undefined) return
    network.host(site.ip).listen(443, new MaskSite({ name: 'site', after: world.after }).accept)
    const names = [MASK_NAME, ...options.settings.secrets.map(({ domain }) => domain)].filter((name) => name !== '')
    for (const name of names) network.setName(name, [PUBLIC_MASK_IP], TTL_SEC)
  }
}

function middleIp(dc: number): string {
  return `91.108.${dc < 0 ? 5 : 4}.${Math.abs(dc)}`
}

/** For whoever reads a trace. */
function detailOf(seen: Seen): string {
  if (seen.kind === 'speaks') return ` talk ${seen.talk} from ${seen.address.ip}`
  return seen.kind === 'part-at-dc' ? ` part ${seen.part.sequence} of talk ${seen.part.talk} at ${seen.at.ip}` : ''
}
