import { cidrContains, parseCidr, parseIp, type Cidr } from './address.ts'
import type { Emit } from './events.ts'
import { AccessRules, type AccessLevel } from './guard/access/index.ts'
import { BanKeeper } from './guard/ban-keeper.ts'
import { Guard } from './guard/guard.ts'
import { MaskBandwidth } from './guard/mask-bandwidth.ts'
import { Overload } from './guard/overload.ts'
import { ReplayGuard } from './guard/replay.ts'
import { TrialTable } from './guard/trial-table.ts'
import { QuotaKeeper, Users, type UserReading } from './guard/users/index.ts'
import { TrialBudget } from './guard/trials.ts'
import { FlightLearner } from './mask/flight.ts'
import { SharePool } from './mask/shares.ts'
import { MaskTargets } from './mask/targets.ts'
import { BufferPool } from './memory/pool.ts'
import { CallbackTimer, TimerWheel } from './memory/wheel.ts'
import { NameCache } from './names.ts'
import {
  ALONE,
  type Address,
  type Clock,
  type Connection,
  type Fetcher,
  type Gauges,
  type Handler,
  type Network,
  type PublicAddress,
  type Random,
  type Resolver,
  type SharedMemory,
  type Store,
  type Vault,
  type WorkerPlace,
} from './ports.ts'
import { wrappedLength } from './protocol/faketls/records.ts'
import { HelloStage } from './session/hello.ts'
import { ProxyHeaderStage } from './session/proxy-header.ts'
import { SecretTable } from './session/secrets.ts'
import { makeScratch, type Services, type Totals } from './session/services.ts'
import { Session } from './session/session.ts'
import type { StageName } from './session/stages.ts'
import { TarpitPlaces } from './session/tarpit.ts'
import type { Settings } from './settings.ts'
import { DirectDialer } from './telegram/direct.ts'
import { MiddleProxies } from './telegram/middle/index.ts'
import { needsMiddle } from './telegram/route.ts'

export interface ProxyPorts {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  readonly resolver: Resolver
  readonly vault: Vault
  readonly memory: SharedMemory
  readonly store: Store
  /** Without it middle proxies and lists of addresses are out of reach. */
  readonly fetcher?: Fetcher
  /** Without it our address behind a NAT must be configured. */
  readonly publicAddress?: PublicAddress
  /** Without them nothing is ever short. */
  readonly gauges?: Gauges
  /** Of this process, for middle proxies: its id and the unix time of its start. */
  readonly run?: { readonly pid: number; readonly startedSec: number }
  /** Of this process among those that share `memory`; alone by default. */
  readonly worker?: WorkerPlace
  /** Places whose processes are gone: what they counted is taken back at once. All, for one that is alone. */
  readonly deadColumns?: readonly number[]
  /** Whether bans and quotas are written to the store by this process, which is the only one that has it. */
  readonly keepsBans?: boolean
  /** Poison buffers on release, so that a use after release shows, and remember who leased which. Tests and simulator. */
  readonly debugBuffers?: boolean
  /** Key shares made ahead; fewer where their cost matters more than a burst. */
  readonly sharesAhead?: number
}

/** How often times of secrets that are over are looked for. */
const EXPIRY_MS = 1_000
/** What gets record headers at a time: at least one read, and most answers by middle proxy. */
const SCRATCH_BYTES = 1 << 20

/** One open session, from outside. */
export interface Glance {
  readonly stage: StageName
  readonly isArmed: boolean
  readonly level: AccessLevel
  readonly waitingBytes: number
}

/** One open session as an operator sees it; its members change as it goes on. */
export type SessionView = Readonly<
  Pick<Session, 'id' | 'clientAddress' | 'user' | 'mode' | 'dc' | 'way' | 'level' | 'openedAt'>
> &
  Readonly<Pick<Session, 'fromClientBytes' | 'toClientBytes'>> & { readonly stage: { readonly name: StageName } }

/**
 * The whole proxy behind its ports. The owner opens the listeners, hands every accepted connection to `accept`, calls
 * `tick` about every `TICK_MS`, and puts secrets into the vault before `apply` names them.
 */
export class Proxy {
  /** For the fetcher as well, so that every name that leads out is looked up in one place. */
  readonly names: NameCache
  readonly #services: Services
  /** Where several processes share the tables, the one that has the store keeps their bans. */
  readonly banKeeper: BanKeeper | undefined
  readonly #sessions = new Set<Session>()
  readonly #quotaKeeper: QuotaKeeper | undefined
  readonly #expiryTimer = new CallbackTimer(() => this.#endExpired())
  readonly #drainTimer = new CallbackTimer(() => this.#closeAll())
  #trusted: readonly Cidr[]
  #listening: readonly Address[] = []
  #accepted = 0
  #onDrained: (() => void) | undefined

  constructor(ports: ProxyPorts, settings: Settings, emit: Emit) {
    const { clock, random, network, resolver, vault, memory, store } = ports
    const wheel = new TimerWheel(clock.mono())
    const current = () => this.#services.settings
    const names = new NameCache({ resolver, clock, wheel, emit, settings: current })
    this.names = names
    const targets = new MaskTargets({ network, names, emit, settings: current, listening: () => this.#listening })
    const pool = new BufferPool({
      ceilingBytes: settings.memory.buffersBytes,
      turnBytes: wrappedLength(network.readMaxBytes),
      debug: ports.debugBuffers ?? false,
      wheel,
    })
    const telegram = () => current().telegram
    const { fetcher = NO_FETCHER, run = { pid: 1, startedSec: clock.wall() }, worker = ALONE } = ports
    const guardSettings = () => current().guard
    const { gauges = NO_GAUGES } = ports
    const table = new TrialTable({ memory, random, worker, nowMs: clock.mono() })
    const overload = new Overload({ gauges, clock, wheel, emit, settings: current })
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
      access: new AccessRules({ fetcher, store, clock, random, wheel, emit }, settings.access),
      guard: new Guard({
        ...{ memory, random, worker, emit, overload, settings: guardSettings },
        ...{ entries: settings.guard.tableEntries, nowMs: clock.mono() },
      }),
      overload,
      tarpits: new TarpitPlaces(gauges.socketsMax),
      users: new Users({
        ...{ memory, random, clock, wheel, worker, settings: guardSettings },
        ...{ entries: settings.guard.tableEntries, readMaxBytes: network.readMaxBytes },
      }),
      replay: new ReplayGuard({ memory, store, clock, skewSec: settings.mask.skewSec, worker }),
      trials: new TrialBudget({ table, secrets: () => this.#services.secrets }),
      maskBandwidth: new MaskBandwidth({
        ...{ table, wheel, readMaxBytes: network.readMaxBytes, settings: () => current().mask },
      }),
      dialer: new DirectDialer({ network, clock, random, wheel, emit, settings: telegram }),
      middle: new MiddleProxies({
        ...{ network, clock, random, wheel, pool, store, fetcher, emit, run },
        publicAddress: ports.publicAddress,
        settings: telegram,
      }),
      flights: new FlightLearner({ network, clock, random, wheel, store, emit, settings: current, targets }),
      shares: new SharePool(random, ports.sharesAhead),
      totals: { clientToDcBytes: 0, dcToClientBytes: 0 },
      scratch: makeScratch(wrappedLength(Math.max(network.readMaxBytes, SCRATCH_BYTES))),
      secrets: new SecretTable(settings.secrets),
    }
    const { bans } = this.#services.guard
    const rememberMs = () => current().guard.blockMaxMs
    for (const column of ports.deadColumns ?? [worker.column]) this.takeBack(column)
    if (ports.keepsBans ?? true) this.banKeeper = new BanKeeper({ bans, store, clock, wheel, rememberMs })
    this.banKeeper?.start()
    const { users } = this.#services
    users.apply(settings.secrets)
    if (ports.keepsBans ?? true) this.#quotaKeeper = new QuotaKeeper({ users, store, clock, wheel })
    this.#quotaKeeper?.start()
    this.#watchExpiry()
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
  /** Prefixes of access lists that are in force. */
  get listedPrefixes(): number {
    return this.#services.access.listed
  }
  /** All users: over all workers, and what of them is of this process. */
  users(): Iterable<UserReading> {
    return this.#services.users.list()
  }
  /** Sources and prefixes that the guard remembers; counted one by one, so not for every event. */
  get sources(): number {
    return this.#services.guard.sources
  }
  get pool(): BufferPool {
    return this.#services.pool
  }
  get wheel(): TimerWheel {
    return this.#services.wheel
  }
  /** What each open session is doing: for `status`, and for checkers. */
  *inspect(): Iterable<Glance> {
    for (const { stage, isArmed, level } of this.#sessions)
      yield { stage: stage.name, isArmed, level, waitingBytes: stage.waitingBytes ?? 0 }
  }
  /** Open ones in the order they came, for `sessions`. Do not keep any. */
  get sessions(): Iterable<SessionView> {
    return this.#sessions
  }
  get access(): AccessRules {
    return this.#services.access
  }
  get guard(): Guard {
    return this.#services.guard
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
    this.#services.middle.start(needsMiddle(this.#services.settings))
    this.#services.access.start()
    this.#services.overload.start()
  }

  /** A connection from the listener; returns who is told about it. */
  accept(connection: Connection): Handler {
    const session = new Session(++this.#accepted, connection, this.#services, (closed) => this.#forget(closed))
    this.#sessions.add(session)
    this.#services.emit({ kind: 'accepted', connection: session.id, client: connection.remote })
    const { proxyProtocol } = this.#services.settings.listen
    const isBehindBalancer = proxyProtocol !== 'off' && this.#isTrusted(connection.remote)
    const isTaken = isBehindBalancer ? !session.isShutOut() : session.admit()
    session.begin(
      isBehindBalancer ? new ProxyHeaderStage(session, proxyProtocol === 'required') : new HelloStage(session),
    )
    if (!isTaken) session.turnAway()
    return session
  }

  /** What a process with that place counted is not open any more: it has died. */
  takeBack(column: number): void {
    this.#services.guard.takeBack(column)
    this.#services.users.takeBack(column)
    this.#services.replay.takeBack(column)
    this.#services.trials.takeBack(column)
  }

  tick(): void {
    const nowMs = this.#services.clock.mono()
    this.#services.wheel.advance(nowMs)
    this.#services.guard.advance(nowMs)
    this.#services.shares.refill()
  }

  /** Replaces the settings as one snapshot. Live connections stay, but for removed secrets that say otherwise. */
  apply(settings: Settings): void {
    const services = this.#services
    const before = services.secrets
    services.settings = settings
    services.secrets = new SecretTable(settings.secrets)
    this.#trusted = settings.listen.proxyProtocolFrom.flatMap((text) => parseCidr(text) ?? [])
    services.users.apply(settings.secrets)
    services.maskBandwidth.apply()
    services.access.apply(settings.access)
    services.targets.refresh()
    services.flights.refresh()
    services.middle.refresh(needsMiddle(settings))
    for (const session of [...this.#sessions]) {
      if (session.secret === undefined) continue
      session.guard(() => session.refreshFlow())
      if (services.secrets.get(session.secret) !== undefined) continue
      if (before.get(session.secret)?.onRemove === 'close') endOf(session, 'secret-removed')
    }
    this.#watchExpiry()
  }

  /** Lets live connections run on for `drain_timeout`, then closes them. `done` is called once, when none is left. */
  drain(done: () => void): void {
    if (this.#onDrained !== undefined) return
    this.#onDrained = done
    const { clock, settings, wheel } = this.#services
    wheel.arm(this.#drainTimer, clock.mono() + settings.listen.drainTimeoutMs)
    if (this.#sessions.size === 0) this.#drained()
  }

  /** Ends those sessions with reason `killed`; returns how many. Whoever is only waited for to go counts as well. */
  kill(isMeant: (session: SessionView) => boolean): number {
    const meant = [...this.#sessions].filter(isMeant)
    for (const session of meant) session.kill()
    return meant.length
  }

  /** Closes everything now. */
  close(): void {
    this.#closeAll()
    this.banKeeper?.close()
    this.#quotaKeeper?.close()
    this.#services.wheel.disarm(this.#expiryTimer)
    this.#services.flights.close()
    this.names.close()
    this.#services.middle.close()
    this.#services.access.close()
    this.#services.overload.close()
    this.#services.dialer.close()
  }

  /** By the wall clock, which may be set: it is looked at again and again. */
  #watchExpiry(): void {
    const { clock, settings, wheel } = this.#services
    const isDue = settings.secrets.some(({ expiresAt, onRemove }) => expiresAt > 0 && onRemove === 'close')
    if (isDue) wheel.arm(this.#expiryTimer, clock.mono() + EXPIRY_MS)
    else wheel.disarm(this.#expiryTimer)
  }

  #endExpired(): void {
    const { clock, users } = this.#services
    const expired = new Set(users.expired(clock.wall()))
    if (expired.size > 0)
      for (const session of [...this.#sessions]) {
        const { user } = session.userLease
        if (session.secret !== undefined && user !== undefined && expired.has(user)) endOf(session, 'secret-expired')
      }
    this.#watchExpiry()
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

const NO_GAUGES: Gauges = {
  socketsMax: Infinity,
  read: () => ({ loopLagMs: 0, memoryBytes: 0, descriptors: 0, buffers: 0 }),
}

/** Its user is not one any more. */
function endOf(session: Session, reason: 'secret-removed' | 'secret-expired'): void {
  if (session.stage.name === 'relay') session.close(reason, 'relayed')
  else if (session.stage.name !== 'discard') session.guard(() => session.refuse(reason))
}

const NO_FETCHER: Fetcher = { fetch: (_source, _maxBytes, reply) => reply({ why: 'not built in' }) }
