import type { ProxyEvent } from '../../src/core/events.ts'
import type { Connection, SharedMemory, WorkerPlace } from '../../src/core/ports.ts'
import { Proxy } from '../../src/core/proxy.ts'
import { WatchedVault } from '../checkers/watched-vault.ts'
import type { HostNetwork } from '../world/host.ts'
import type { VirtualStore } from '../world/store.ts'
import { SimulatedVault } from '../world/vault.ts'
import type { FakeToken } from '../world/token.ts'
import type { Ticker } from '../world/world.ts'
import { PROXY, type Scene } from './scene.ts'

const TICK_MS = 50
const PID = 4711
const FETCH_MS = 15
/** No process of a run has so many connections: every id says whose it is. */
const IDS = 1_000_000

export interface ProcessOptions {
  /** 0 for the only process of a run; of several workers each has its own, which is never used again. */
  readonly number: number
  readonly host: HostNetwork
  readonly memory: SharedMemory
  readonly store: VirtualStore
  readonly token: FakeToken
  /** Absent: it is alone. */
  readonly worker?: WorkerPlace
}

/** One process of the proxy in a run: the proxy, what it has of its own, and the loop it runs in. */
export class ProxyProcess {
  readonly number: number
  readonly host: HostNetwork
  readonly proxy: Proxy
  readonly vault: SimulatedVault
  /** Virtual ms. */
  readonly startedAt: number
  readonly #scene: Scene
  readonly #ticker: Ticker
  #isAlive = true

  constructor(scene: Scene, { number, host, memory, store, token, worker }: ProcessOptions) {
    const { options, world, machine } = scene
    this.#scene = scene
    this.number = number
    this.host = host
    this.startedAt = world.now
    this.vault = new SimulatedVault({
      ...{ world, plan: options.vault, token, keys: options.keys },
      slowMs: () => scene.trouble.slowMs,
      waitMs: scene.settings.listen.handshakeTimeoutMs,
      emit: (event) => this.#happened(event),
      deliver: this.deliver,
    })
    const isWatched = options.vault.place !== 'memory'
    const { vault, deliver } = this
    this.proxy = new Proxy(
      {
        clock: machine,
        random: world.random(number === 0 ? 'proxy' : `proxy ${number}`),
        network: host,
        resolver: host,
        vault: isWatched ? new WatchedVault(vault, options.keys, () => world.now, scene.checkers, number) : vault,
        memory,
        store: store.over(deliver),
        fetcher: {
          fetch: (source, maxBytes, reply) =>
            void world.after(FETCH_MS, () => deliver(() => reply(scene.places.file(source, maxBytes)))),
        },
        publicAddress: { find: (question, reply) => scene.nat.find(question, (seen) => deliver(() => reply(seen))) },
        gauges: scene.gauges,
        run: { pid: PID + number, startedSec: machine.wall() },
        debugBuffers: true,
        sharesAhead: 1,
        // The supervisor looks after both.
        ...(worker === undefined ? {} : { worker, deadColumns: [], keepsBans: false }),
      },
      scene.settings,
      (event) => {
        if (this.#isAlive) this.#happened(event)
      },
    )
    const tick = () => {
      if (host.isBusy) return
      vault.tick()
      this.proxy.tick()
    }
    this.#ticker = { everyMs: TICK_MS, tick, nextAt: () => this.#nextAt() }
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Its loop runs from now on. */
  start(): void {
    this.proxy.start([PROXY])
    this.#scene.world.addTicker(this.#ticker)
  }

  readonly accept = (connection: Connection) => this.proxy.accept(connection)

  /** An answer of the world: dropped when it comes too late for this process, and held back while that is stalled. */
  readonly deliver = (answer: () => void): void => {
    if (!this.#isAlive) return
    this.host.whenFree(() => {
      if (this.#isAlive) answer()
    })
  }

  /** It is gone without a word; what becomes of its sockets is its machine's business. */
  die(): void {
    this.#isAlive = false
    this.#scene.world.removeTicker(this.#ticker)
  }

  #nextAt(): number | undefined {
    const { host, vault, proxy } = this
    const { world, machine } = this.#scene
    const due = vault.isBusy ? world.now : proxy.wheel.nextAt()
    if (due === undefined) return host.isBusy ? host.freeAt : undefined
    return Math.max(vault.isBusy ? due : machine.worldMs(due), host.freeAt)
  }

  /** Ids of connections are those of this process alone: checkers are told others. */
  #happened(event: ProxyEvent): void {
    const { number } = this
    const isOwn = number > 0 && 'connection' in event
    this.#scene.happened(isOwn ? { ...event, connection: event.connection + number * IDS } : event, number)
  }
}

/** Whose connection that is, by the id that checkers are told. */
export function processOf(connection: number): number {
  return Math.floor(connection / IDS)
}
