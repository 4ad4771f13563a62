import type { ProxyEvent } from '../../src/core/events.ts'
import type { Address } from '../../src/core/ports.ts'
import { Proxy } from '../../src/core/proxy.ts'
import type { Settings } from '../../src/core/settings.ts'
import { addressesOf } from '../../src/core/telegram/dcs.ts'
import { MemoryVault } from '../../src/vault/memory.ts'
import { openCheckers, type Checkers } from '../checkers/index.ts'
import type { Seen } from '../checkers/seen.ts'
import { MaskSite } from '../telegram/mask-site.ts'
import { TalkDc } from '../telegram/talk-dc.ts'
import type { HostNetwork } from '../world/host.ts'
import { VirtualNetwork } from '../world/network.ts'
import { VirtualSharedMemory, VirtualStore } from '../world/store.ts'
import { World, type Ticker } from '../world/world.ts'
import { calmLink, faultyLink } from './links.ts'
import { MASK_IP, MASK_NAME, PUBLIC_MASK_IP, type RunOptions } from './options.ts'

export const PROXY: Address = { ip: '10.0.0.1', port: 443 }
const PROXY_IPV6 = 'fd00::1'
export const DC_IDS = [1, 2, 3, 4, 5, 203, 10_001, 10_002, 10_003] as const
const TICK_MS = 50

/** The places of a run: the proxy's machine, Telegram, the mask site. What happens there is the course's business. */
export class Scene {
  readonly options: RunOptions
  readonly world: World
  readonly network: VirtualNetwork
  readonly checkers: Checkers
  /** The proxy's machine; what survives a restart of it. */
  readonly host: HostNetwork
  readonly store: VirtualStore
  readonly #memory = new VirtualSharedMemory()
  /** What was reached over the run, by name: a simulator that never gets anywhere finds nothing. */
  readonly reached = new Map<string, number>()
  settings: Settings
  /** By how many seconds the proxy's clock was ahead of the true time, at most. */
  worstClockSec = 0
  #proxy!: Proxy
  #ticker: Ticker | undefined
  /** Told when the process runs again behind a crash. */
  onRestart: () => void = () => {}
  #isCalm = false
  readonly #wallStart: number

  constructor(options: RunOptions, onTrace?: (atMs: number, what: string) => void) {
    this.options = options
    this.settings = options.settings
    this.world = new World(options.seed, { eventsMax: 3_000_000, ...(onTrace === undefined ? {} : { onTrace }) })
    this.#wallStart = this.world.clock.wall() * 1000 - this.world.now
    this.network = new VirtualNetwork(this.world)
    this.host = this.network.host(PROXY.ip, ...(options.hasIpv6 ? [PROXY_IPV6] : []))
    this.store = new VirtualStore(this.world)
    this.checkers = openCheckers(this)
    const links = this.world.random('links')
    this.network.plan = (_from, to) => (this.#isCalm ? calmLink(links, to.ip === PROXY.ip) : faultyLink(options, links))
    this.network.onDial = (from, to) => this.checkers.dialled(from, to)
    this.#openTelegram()
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
  get isCalm(): boolean {
    return this.#isCalm
  }

  addressesOfDc(dc: number): readonly string[] {
    return (addressesOf(dc, this.settings.telegram) ?? []).map(({ ip }) => ip)
  }

  readonly tell = (seen: Seen): void => {
    this.world.trace(`seen ${seen.kind}`)
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

  /** The proxy's process begins. */
  start(): void {
    const { options, world, host } = this
    const { vaultMs } = options
    // An answer for a process that died meanwhile reaches nobody.
    const later = (run: () => void) =>
      world.after(vaultMs, () => {
        if (proxy === this.#proxy && this.#ticker !== undefined) run()
      })
    const vault = new MemoryVault(vaultMs > 0 ? { later } : {})
    options.keys.forEach((key, at) => vault.put(at + 1, key))
    const proxy = new Proxy(
      {
        clock: world.clock,
        random: world.random('proxy'),
        network: host,
        vault,
        memory: this.#memory,
        store: this.store,
        poisonBuffers: true,
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
    this.#ticker = { everyMs: TICK_MS, tick: () => proxy.tick(), nextAt: () => proxy.wheel.nextAt() }
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
      this.#memory.losePower(this.world.random('disk'))
    }
    this.checkers.crashed(how)
  }

  reload(settings: Settings): void {
    this.reach('reload')
    this.settings = settings
    this.#proxy.apply(settings)
  }

  #happened(event: ProxyEvent): void {
    this.world.trace(`event ${event.kind}${'reason' in event ? ` ${event.reason}` : ''}`)
    if ('reason' in event) this.reach(`${event.kind} ${event.reason}`)
    else this.reach(event.kind)
    this.checkers.event(event)
  }

  #openTelegram(): void {
    const { world, network, options } = this
    const dc = new TalkDc({
      random: world.random('dc'),
      after: world.after,
      slowOneIn: options.profile === 'realistic' ? 40 : 8,
      onPart: (part, at) => this.tell({ kind: 'part-at-dc', part, at }),
      onNonsense: (what) => this.tell({ kind: 'nonsense-at-dc', what }),
    })
    for (const ip of this.dcIps) network.host(ip).listen(443, dc.accept)
  }

  #openSite(): void {
    const { site, network, world, options } = this
    if (site === undefined) return
    network.host(site.ip).listen(443, new MaskSite({ name: 'site', after: world.after }).accept)
    network.setName(MASK_NAME, [PUBLIC_MASK_IP])
    for (const { domain } of options.settings.secrets) if (domain !== '') network.setName(domain, [PUBLIC_MASK_IP])
  }
}
