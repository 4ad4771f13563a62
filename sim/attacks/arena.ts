import type { ProxyEvent } from '../../src/core/events.ts'
import type { Address, Hello, KeyRef, Match, SecretId, Vault, VaultFailure } from '../../src/core/ports.ts'
import { Proxy } from '../../src/core/proxy.ts'
import type { Settings } from '../../src/core/settings.ts'
import { addressesOf } from '../../src/core/telegram/dcs.ts'
import { MaskSite } from '../telegram/mask-site.ts'
import { VirtualNetwork } from '../world/network.ts'
import { VirtualSharedMemory, VirtualStore } from '../world/store.ts'
import { Uplink } from '../world/uplink.ts'
import { FakeToken } from '../world/token.ts'
import { SimulatedVault, type SimulatedVaultOptions } from '../world/vault.ts'
import { World, type Ticker } from '../world/world.ts'
import { CountingDc } from './counting-dc.ts'
import { Crowd } from './crowd.ts'
import type { Scenario } from './plan/read.ts'

const PROXY: Address = { ip: '10.0.0.1', port: 443 }
const SITE_IP = '93.184.216.34'
const EVERYBODY = '198.18.0.1'
export const DCS = [1, 2, 3, 4, 5] as const
const TICK_MS = 50
/** Long enough for names to be resolved and the mask host to be looked at. */
const SETTLE_MS = 5_000
const EVENTS_MAX = 2_000_000_000
const TTL_SEC = 300
/** CKR_DEVICE_ERROR of PKCS#11 v2.40. */
const GONE = { code: 'CKR_DEVICE_ERROR', value: 0x30 }
/** One way, ms. */
const LATENCY = { client: { from: 10, to: 90 }, site: { from: 2, to: 8 }, dc: { from: 5, to: 30 } } as const

/** The whole proxy with its guard, Telegram, a web site and everybody else, in virtual time. */
export class Arena {
  readonly world: World
  readonly crowd: Crowd
  readonly proxy: Proxy
  readonly vault: CountingVault
  /** Told of everything the proxy says once it has settled. */
  onEvent: (event: ProxyEvent) => void = () => {}
  /** Virtual ms at which the scenario begins. */
  readonly startAt: number
  readonly #network: VirtualNetwork
  readonly #token = new FakeToken()

  constructor(scenario: Scenario, seed: number) {
    const { settings, keys, uplink } = scenario
    this.world = new World(seed, { eventsMax: EVENTS_MAX, isTraced: false })
    this.#network = new VirtualNetwork(this.world)
    const host = this.#network.host(PROXY.ip)
    if (uplink !== undefined) host.uplink = new Uplink(uplink)
    this.crowd = new Crowd(this.#network.host(EVERYBODY), PROXY)
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
    const { clock } = this.world
    this.proxy = new Proxy(
      {
        ...{ clock, random: this.world.random('proxy'), network: host, resolver: host, vault: this.vault },
        ...{ memory: new VirtualSharedMemory(), store: new VirtualStore(this.world), sharesAhead: 1 },
      },
      settings,
      (event) => this.onEvent(event),
    )
    host.listen(PROXY.port, (connection) => this.proxy.accept(connection))
    this.proxy.start([PROXY])
    this.world.addTicker(this.#ticker())
    this.world.runFor(SETTLE_MS)
    this.startAt = this.world.now
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
    this.#network.setReachability(PROXY.ip, isCutOff ? 'unreachable' : 'open')
    if (isCutOff) this.crowd.sever()
  }

  /** The token of the secrets fails at every call, or works. */
  setVaultGone(isGone: boolean): void {
    this.#token.fail(isGone ? GONE : undefined)
    this.#token.failRestart(isGone ? GONE : undefined)
  }

  #ticker(): Ticker {
    const { vault, proxy, world } = this
    return {
      everyMs: TICK_MS,
      tick() {
        vault.tick()
        proxy.tick()
      },
      nextAt: () => (vault.isBusy ? world.now : proxy.wheel.nextAt()),
    }
  }

  #openPlaces({ secrets, telegram }: Settings): void {
    const { world } = this
    const dc = new CountingDc()
    const dcIps = DCS.flatMap((id) => (addressesOf(id, telegram) ?? []).map(({ ip }) => ip))
    for (const ip of dcIps) this.#network.host(ip).listen(443, dc.accept)
    this.#network.host(SITE_IP).listen(443, new MaskSite({ name: 'site', after: world.after }).accept)
    for (const domain of new Set(secrets.map((secret) => secret.domain)))
      this.#network.setName(domain, [SITE_IP], TTL_SEC)
    const links = world.random('links')
    this.#network.plan = (_from, to) => {
      const where = to.ip === PROXY.ip ? 'client' : to.ip === SITE_IP ? 'site' : 'dc'
      const latencyMs = links.between(LATENCY[where].from, LATENCY[where].to)
      return { latencyMs, windowBytes: 131_072, segmentBytes: 65_536, isChoppy: false, stallMs: 0 }
    }
  }
}

/** A vault that counts what it is asked to compute: real CPU time is not the same twice, operations are. */
export class CountingVault implements Vault {
  /** Secrets tried on hellos, whoever sent them. */
  trials = 0
  readonly #vault: SimulatedVault

  constructor(options: SimulatedVaultOptions) {
    this.#vault = new SimulatedVault(options)
  }

  get isBusy(): boolean {
    return this.#vault.isBusy
  }

  tick(): void {
    this.#vault.tick()
  }

  match(
    hello: Hello,
    candidates: readonly SecretId[],
    reply: (match: Match | VaultFailure | undefined, trials: number) => void,
  ): void {
    this.#vault.match(hello, candidates, (match, trials) => {
      this.trials += trials
      reply(match, trials)
    })
  }

  sign(key: KeyRef, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    this.#vault.sign(key, parts, reply)
  }
}
