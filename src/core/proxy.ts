import { cidrContains, parseCidr, parseIp, type Cidr } from './address.ts'
import type { Emit } from './events.ts'
import { ReplayGuard } from './guard/replay.ts'
import { TrialBudget } from './guard/trials.ts'
import { FlightLearner } from './mask/flight.ts'
import { SharePool } from './mask/shares.ts'
import { MaskTargets } from './mask/targets.ts'
import { BufferPool } from './memory/pool.ts'
import { CallbackTimer, TimerWheel } from './memory/wheel.ts'
import type {
  Address,
  Clock,
  Connection,
  Fetcher,
  Handler,
  Network,
  Random,
  SharedMemory,
  Store,
  Vault,
  WorkerPlace,
} from './ports.ts'
import { wrappedLength } from './protocol/faketls/records.ts'
import { HelloStage } from './session/hello.ts'
import { ProxyHeaderStage } from './session/proxy-header.ts'
import { SecretTable } from './session/secrets.ts'
import type { Services, Totals } from './session/services.ts'
import { Session } from './session/session.ts'
import type { StageName } from './session/stages.ts'
import type { Settings } from './settings.ts'
import { DirectDialer } from './telegram/direct.ts'
import { MiddleProxies } from './telegram/middle/index.ts'

export interface ProxyPorts {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly vault: Vault
  readonly memory: SharedMemory
  readonly store: Store
  /** Without it middle proxies are out of reach. */
  readonly fetcher?: Fetcher
  /** Of this process, for middle proxies: its id and the unix time of its start. */
  readonly run?: { readonly pid: number; readonly startedSec: number }
  /** Of this process among those that share `memory`; alone by default. */
  readonly worker?: WorkerPlace
  /** Poison buffers on release, so that a use after release shows. Tests and simulator. */
  readonly poisonBuffers?: boolean
  /** Key shares made ahead; fewer where their cost matters more than a burst. */
  readonly sharesAhead?: number
}

/**
 * The whole proxy behind its ports. The owner opens the listeners, hands every accepted connection to `accept`, calls
 * `tick` about every `TICK_MS`, and puts secrets into the vault before `apply` names them.
 */
export class Proxy {
  readonly #services: Services
  readonly #sessions = new Set<Session>()
  readonly #drainTimer = new CallbackTimer(() => this.#closeAll())
  #trusted: readonly Cidr[]
  #listening: readonly Address[] = []
  #accepted = 0
  #onDrained: (() => void) | undefined

  constructor(ports: ProxyPorts, settings: Settings, emit: Emit) {
    const { clock, random, network, vault, memory, store } = ports
    const wheel = new TimerWheel(clock.mono())
    const current = () => this.#services.settings
    const targets = new MaskTargets({ network, wheel, emit, settings: current, listening: () => this.#listening })
    const pool = new BufferPool({ ceilingBytes: settings.memory.buffersBytes, poison: ports.poisonBuffers ?? false })
    const telegram = () => current().telegram
    const { fetcher = NO_FETCHER, run = { pid: 1, startedSec: clock.wall() } } = ports
    this.#services = {
      clock,
      random,
      network,
      vault,
      wheel,
      emit,
      settings,
      targets,
      pool,
      replay: new ReplayGuard({ memory, store, clock, skewSec: settings.mask.skewSec }),
      trials: new TrialBudget({ random }),
      dialer: new DirectDialer({ network, clock, random, wheel, emit, settings: telegram }),
      middle: new MiddleProxies({
        ...{ network, clock, random, wheel, pool, store, fetcher, emit, run },
        settings: telegram,
      }),
      flights: new FlightLearner({ network, clock, random, wheel, store, emit, settings: current, targets }),
      shares: new SharePool(random, ports.sharesAhead),
      totals: { clientToDcBytes: 0, dcToClientBytes: 0 },
      scratch: new Uint8Array(wrappedLength(network.readMaxBytes)),
      secrets: new SecretTable(settings.secrets),
    }
    this.#trusted = settings.listen.proxyProtocolFrom.flatMap((text) => parseCidr(text) ?? [])
  }

  /** Connections not yet closed. */
  get open(): number {
    return this.#sessions.size
  }
  get accepted(): number {
    return this.#accepted
  }
  get totals(): Readonly<Totals> {
    return this.#services.totals
  }
  /** Connections dialled ahead that wait for a client. */
  get ahead(): number {
    return this.#services.dialer.ready
  }
  /** Links to middle proxies held now. */
  get links(): number {
    return this.#services.middle.links
  }
  /** Clients that have a place on one of them. */
  get linkClients(): number {
    return this.#services.middle.clients
  }
  get pool(): BufferPool {
    return this.#services.pool
  }
  get wheel(): TimerWheel {
    return this.#services.wheel
  }
  /** What each open session is doing: for `status`, and for checkers. */
  *inspect(): Iterable<{ readonly stage: StageName; readonly isArmed: boolean; readonly waitingBytes: number }> {
    for (const { stage, isArmed } of this.#sessions)
      yield { stage: stage.name, isArmed, waitingBytes: stage.waitingBytes ?? 0 }
  }
  get isDraining(): boolean {
    return this.#onDrained !== undefined
  }

  /** Starts what runs in the background: resolving and learning the mask hosts. `listening` are our own listeners. */
  start(listening: readonly Address[]): void {
    this.#listening = listening
    this.#services.targets.refresh()
    this.#services.flights.refresh()
    this.#services.shares.refill()
    this.#services.middle.start()
  }

  /** A connection from the listener; returns who is told about it. */
  accept(connection: Connection): Handler {
    const session = new Session(++this.#accepted, connection, this.#services, (closed) => this.#forget(closed))
    this.#sessions.add(session)
    this.#services.emit({ kind: 'accepted', connection: session.id, client: connection.remote })
    const { proxyProtocol } = this.#services.settings.listen
    const isBehindBalancer = proxyProtocol !== 'off' && this.#isTrusted(connection.remote)
    session.begin(
      isBehindBalancer ? new ProxyHeaderStage(session, proxyProtocol === 'required') : new HelloStage(session),
    )
    return session
  }

  tick(): void {
    this.#services.wheel.advance(this.#services.clock.mono())
    this.#services.shares.refill()
  }

  /** Replaces the settings as one snapshot. Live connections stay, but for removed secrets that say otherwise. */
  apply(settings: Settings): void {
    const services = this.#services
    const before = services.secrets
    services.settings = settings
    services.secrets = new SecretTable(settings.secrets)
    this.#trusted = settings.listen.proxyProtocolFrom.flatMap((text) => parseCidr(text) ?? [])
    services.targets.refresh()
    services.flights.refresh()
    services.middle.refresh()
    for (const session of [...this.#sessions]) {
      if (session.secret === undefined || services.secrets.get(session.secret) !== undefined) continue
      if (before.get(session.secret)?.onRemove !== 'close') continue
      if (session.stage.name === 'relay') session.close('secret-removed', 'relayed')
      else if (session.stage.name !== 'discard') session.guard(() => session.refuse('secret-removed'))
    }
  }

  /** Lets live connections run on for `drain_timeout`, then closes them. `done` is called once, when none is left. */
  drain(done: () => void): void {
    if (this.#onDrained !== undefined) return
    this.#onDrained = done
    const { clock, settings, wheel } = this.#services
    wheel.arm(this.#drainTimer, clock.mono() + settings.listen.drainTimeoutMs)
    if (this.#sessions.size === 0) this.#drained()
  }

  /** Closes everything now. */
  close(): void {
    this.#closeAll()
    this.#services.flights.close()
    this.#services.targets.close()
    this.#services.middle.close()
    this.#services.dialer.close()
  }

  #isTrusted(peer: Address): boolean {
    const ip = parseIp(peer.ip)
    return ip !== undefined && this.#trusted.some((cidr) => cidrContains(cidr, ip))
  }

  #forget(session: Session): void {
    this.#sessions.delete(session)
    if (this.#sessions.size === 0 && this.#onDrained !== undefined) this.#drained()
  }

  #closeAll(): void {
    for (const session of [...this.#sessions])
      session.close('drain', session.stage.name === 'relay' ? 'relayed' : 'failed')
  }

  #drained(): void {
    const done = this.#onDrained
    this.#services.wheel.disarm(this.#drainTimer)
    this.#onDrained = () => {}
    done?.()
  }
}

const NO_FETCHER: Fetcher = { fetch: (_source, _maxBytes, reply) => reply({ why: 'not built in' }) }
