import type { Emit } from '../../events.ts'
import type { BufferPool } from '../../memory/pool.ts'
import type { TimerWheel } from '../../memory/wheel.ts'
import type { Address, Cancellable, Clock, Fetcher, Network, PublicAddress, Random, Store } from '../../ports.ts'
import { clusterOf } from '../../protocol/rpc/index.ts'
import type { TelegramSettings } from '../../settings.ts'
import { Backoff } from '../backoff.ts'
import { Fleet, type Attaching } from './fleet.ts'
import { MiddleFiles } from './files.ts'
import type { LinkClient } from './link.ts'
import { PublicAddresses } from './public-address.ts'

export interface MiddleOptions {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly wheel: TimerWheel
  readonly pool: BufferPool
  readonly store: Store
  readonly fetcher: Fetcher
  readonly publicAddress: PublicAddress | undefined
  readonly emit: Emit
  readonly run: { readonly pid: number; readonly startedSec: number }
  readonly settings: () => TelegramSettings
}

/** The way to Telegram by its middle proxies: the files that name them, and a fleet of links for every DC in use. */
export class MiddleProxies {
  readonly #options: MiddleOptions
  readonly #files: MiddleFiles
  readonly #addresses: PublicAddresses
  readonly #backoff: Backoff
  /** By DC as clients write it. Only DCs with a cluster of their own have a fleet, so strangers make none. */
  readonly #fleets = new Map<number, Fleet>()

  constructor(options: MiddleOptions) {
    this.#options = options
    this.#files = new MiddleFiles({ ...options, settings: () => options.settings().middle })
    const { publicAddress: port, clock, emit } = options
    this.#addresses = new PublicAddresses({ port, clock, emit, settings: () => options.settings().middle })
    this.#backoff = new Backoff(options.random)
  }

  /** `isNeeded`: there are clients that have no other way, so our public address is asked for ahead. */
  start(isNeeded: boolean): void {
    if (this.#options.settings().mode === 'direct') return
    this.#files.start()
    if (isNeeded) this.#addresses.prepare()
  }
  /** Fetches the files again, as after a reload that changed where they are. */
  refresh(isNeeded: boolean): void {
    if (this.#options.settings().mode === 'direct') return
    this.#files.refresh()
    this.#addresses.refresh()
    if (isNeeded) this.#addresses.prepare()
  }
  close(): void {
    this.#files.close()
    for (const fleet of this.#fleets.values()) fleet.close()
  }

  /** Links held now, of all fleets. */
  get links(): number {
    let links = 0
    for (const fleet of this.#fleets.values()) links += fleet.links
    return links
  }
  /** Clients that have a place on a link. */
  get clients(): number {
    let clients = 0
    for (const fleet of this.#fleets.values()) clients += fleet.clients
    return clients
  }
  /** Whether it knows enough to serve anybody. */
  get isReady(): boolean {
    return this.#files.secret !== undefined && (this.#config(4) !== undefined || this.#config(6) !== undefined)
  }

  /** Gives `client` a place on a link towards that DC. */
  attach(dc: number, client: LinkClient, attaching: Attaching): Cancellable {
    return this.#fleetFor(this.#clusterId(dc)).attach(client, attaching)
  }

  #config(family: 4 | 6) {
    return this.#files.config(family)
  }

  /** The id under which a config lists what serves `dc`: its own, or the default's. */
  #clusterId(dc: number): number {
    const config = this.#config(4) ?? this.#config(6)
    if (config === undefined) return 0
    return config.clusters.has(dc) ? dc : config.defaultDc
  }

  #fleetFor(dc: number): Fleet {
    let fleet = this.#fleets.get(dc)
    if (fleet === undefined) {
      const { settings } = this.#options
      fleet = new Fleet(dc, {
        ...this.#options,
        backoff: this.#backoff,
        settings: () => settings().middle,
        connectTimeoutMs: () => settings().connectTimeoutMs,
        targets: () => this.#targets(dc),
        secret: () => this.#files.secret,
        addresses: this.#addresses,
      })
      this.#fleets.set(dc, fleet)
    }
    return fleet
  }

  /** Of the preferred family; of the other one where that has none. */
  #targets(dc: number): readonly Address[] {
    const families: readonly (4 | 6)[] = this.#options.settings().prefer === 'ipv6' ? [6, 4] : [4, 6]
    for (const family of families) {
      const config = this.#config(family)
      const cluster = config === undefined ? [] : clusterOf(config, dc)
      if (cluster.length > 0) return cluster
    }
    return []
  }
}
