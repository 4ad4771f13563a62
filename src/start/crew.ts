import type { WorkerStatus } from '../admin/commands.ts'
import type { AskAll } from '../admin/desk.ts'
import type { LiveConfig } from '../config/live.ts'
import type { Provider } from '../config/provider.ts'
import type { Address, Store } from '../core/ports.ts'
import type { Log } from '../observe/log.ts'
import type { MergedMetrics, Snapshot } from '../observe/merge.ts'
import { openPeer } from '../runtime/channel.ts'
import type { ListenSockets } from '../runtime/listen-sockets.ts'
import { spawnSelf } from '../runtime/spawn.ts'
import { Fleet, type FleetEvents, type LiveWorker, type WorkerHandle } from '../workers/fleet.ts'
import type { Pulse, WorkerOrder } from '../workers/order.ts'
import type { Answer, Peer } from '../workers/peer.ts'
import { storeServices } from '../workers/store.ts'
import type { ColumnBook } from './columns.ts'
import { StartError } from './errors.ts'
import { pastOf, sumOf } from './status.ts'

export interface CrewOptions {
  readonly slots: number
  readonly live: LiveConfig
  readonly listening: readonly Address[]
  readonly sockets: ListenSockets
  readonly store: Store
  readonly columns: ColumnBook
  readonly metrics: MergedMetrics
  readonly mono: () => number
  readonly log: Log
  /** Where secrets of the token are used. */
  readonly provider: Provider
  /** Where the vault helper listens, when there is one. */
  readonly helperAt: string | undefined
}

/** A worker process and what it last told. */
interface Member extends WorkerHandle {
  readonly peer: Peer
  pulse: Pulse | undefined
  /** Why it could not start, in its own words. */
  failure: string | undefined
  /** How its process ended. */
  end: Readonly<Record<string, string | number>>
}

const TICK_MS = 100
/** A worker that does not answer by then is passed over; what it told last stands. */
const ANSWER_MS = 2000

/** The worker processes of a supervisor: starts them, hears them, and asks all of them at once. */
export class Crew {
  readonly #options: CrewOptions
  readonly #fleet: Fleet
  readonly #members = new Map<WorkerHandle, Member>()
  readonly #started = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  readonly #ticking: NodeJS.Timeout
  #past: ReturnType<typeof pastOf> | undefined
  /** Why the first start failed. */
  #failure = 'a worker ended before it was ready'
  /** What new workers start with. */
  #text: string
  /** Settles when every slot has a worker; rejects with a `StartError` when the first ones do not come up. */
  readonly started = this.#started.promise
  /** Settles when no worker is left. */
  readonly ended = this.#ended.promise

  constructor(options: CrewOptions) {
    const { slots, columns, mono, live } = options
    this.#options = options
    this.#text = live.loaded.text
    this.#fleet = new Fleet({
      ...{ slots, columns, mono },
      spawn: (slot, column) => this.#spawn(slot, column),
      drainMs: () => live.loaded.config.listen.drain_timeout,
      events: this.#events(),
    })
    this.#ticking = setInterval(() => this.#fleet.tick(), TICK_MS)
    // Whoever waits is told.
    this.started.catch(() => {})
  }

  get size(): number {
    return this.#members.size
  }

  get isRestarting(): boolean {
    return this.#fleet.isRestarting
  }

  set isHeld(isHeld: boolean) {
    this.#fleet.isHeld = isHeld
  }

  start(): void {
    this.#fleet.start()
  }

  drain(): void {
    this.#fleet.drain()
  }

  /** Ends every worker at once; settles when all are gone. */
  stop(): Promise<void> {
    this.#fleet.stop()
    return this.ended
  }

  /** New workers start with the configuration in force, its cold keys included. False while a restart is under way. */
  restart(): boolean {
    const before = this.#text
    this.#text = this.#options.live.loaded.text
    const hasBegun = this.#fleet.restart()
    if (!hasBegun) this.#text = before
    return hasBegun
  }

  /** Every worker's answer to one question, by the service of that name in `worker.ts`. */
  async askAll(name: string, args?: unknown): Promise<{ readonly worker: LiveWorker; readonly answer: Answer }[]> {
    return Promise.all(
      this.#fleet.workers.map(async (worker) => {
        const member = this.#members.get(worker.handle)
        const answer = member === undefined ? LATE : await withinTime(member.peer.ask(name, args))
        return { worker, answer }
      }),
    )
  }

  /** As `Desk` asks; one that starts has nothing to tell yet. */
  readonly inspectAll: AskAll = async (name, query) => {
    const answers = await this.askAll(name, query)
    const asked = answers.filter(({ worker }) => worker.state !== 'starting')
    return asked.map(({ worker, answer }) => ({
      column: worker.column,
      value: answer.ok ? (answer.value as never) : undefined,
    }))
  }

  /** Of all workers, and their sums with those that are gone. */
  async status(): Promise<ReturnType<typeof sumOf>> {
    const answers = await this.askAll('status')
    const workers = answers.map(({ worker, answer }): WorkerStatus => {
      const told = answer.ok ? (answer.value as WorkerStatus) : this.#members.get(worker.handle)?.pulse?.status
      const { column, state } = worker
      return { ...(told ?? NOTHING_YET), pid: worker.handle.pid, column, state }
    })
    return sumOf(workers, this.#past)
  }

  async snapshots(): Promise<Snapshot[]> {
    const answers = await this.askAll('metrics')
    return answers.flatMap(({ worker, answer }) => {
      const told = answer.ok ? (answer.value as Snapshot) : this.#members.get(worker.handle)?.pulse?.metrics
      return told === undefined ? [] : [told]
    })
  }

  #spawn(slot: number, column: number): WorkerHandle {
    const { sockets, store, columns, listening, live, provider, helperAt } = this.#options
    const own = sockets.slot(slot)
    const { file, sets, text: current } = live.loaded
    const order: WorkerOrder = {
      ...{ file, sets, current, listening, provider, helperAt },
      text: this.#text,
      stateFolder: live.loaded.config.state.path,
      place: { column, columns: columns.count },
      addresses: own.map(({ address }) => address),
    }
    const child = spawnSelf({
      args: ['worker'],
      descriptors: own.map(({ fd }) => fd),
      onGone: (end) => {
        member.end = end
        peer.end()
        this.#fleet.heardGone(member)
      },
    })
    const peer = openPeer(child.channel, {
      services: storeServices(store),
      notes: {
        ready: () => this.#fleet.heardReady(member),
        failed: (why) => (member.failure = String(why)),
        pulse: (pulse) => {
          member.pulse = pulse as Pulse
          this.#fleet.heardFrom(member)
        },
      },
    })
    const member: Member = {
      ...{ peer, pid: child.pid, pulse: undefined, failure: undefined, end: {} },
      drain: () => peer.tell('drain'),
      stop: () => peer.tell('stop'),
      kill: () => child.kill(),
    }
    this.#members.set(member, member)
    columns.note(column, child.pid)
    peer.tell('begin', order)
    return member
  }

  #events(): FleetEvents {
    const { log } = this.#options
    return {
      onReady: ({ slot, column, handle }) =>
        log.write('info', 'worker.ready', 'A worker takes connections', { worker: column, slot, pid: handle.pid }),
      onGone: (worker, isWanted) => this.#gone(worker, isWanted),
      onReplacing: (slot, afterMs) =>
        log.write('warn', 'worker.replacing', 'Another worker takes its place', { slot, after_ms: afterMs }),
      onStarted: () => this.#started.resolve(),
      onStartFailed: () => this.#started.reject(new StartError(this.#failure)),
      onRestarted: (isDone) =>
        isDone
          ? log.write('info', 'restart.done', 'All workers are new ones; the old ones drain')
          : log.write('error', 'restart.failed', 'A new worker did not start; the others stay as they are'),
      onEnded: () => {
        clearInterval(this.#ticking)
        this.#ended.resolve()
      },
    }
  }

  #gone({ slot, column, handle, state }: LiveWorker, isWanted: boolean): void {
    const member = this.#members.get(handle)
    this.#members.delete(handle)
    const { pulse, failure, end = {} } = member ?? {}
    if (failure !== undefined) this.#failure = failure
    if (pulse !== undefined) this.#past = pastOf(this.#past, pulse.status)
    this.#options.metrics.ended(isWanted ? 'told' : 'crashed', pulse?.metrics)
    const fields = { worker: column, slot, pid: handle.pid, ...end, why: failure }
    if (isWanted) return this.#options.log.write('info', 'worker.ended', 'A worker ended', fields)
    const what =
      state === 'starting' ? 'A worker ended before it was ready' : 'A worker died, and with it its connections'
    this.#options.log.write('error', 'worker.died', what, { ...fields, open: pulse?.status.open })
  }
}

const LATE: Answer = { ok: false, why: `no answer within ${ANSWER_MS / 1000} seconds` }
const NOTHING_YET = { open: 0, accepted: 0, bytes: { client_to_dc: 0, dc_to_client: 0 } }

function withinTime(asking: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve) => {
    const limit = setTimeout(() => resolve(LATE), ANSWER_MS)
    void asking.then((answer) => {
      clearTimeout(limit)
      resolve(answer)
    })
  })
}
