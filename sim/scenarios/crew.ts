import { TableKeeper } from '../../src/core/guard/table-keeper.ts'
import type { UserReading } from '../../src/core/guard/users/index.ts'
import type { Settings } from '../../src/core/settings.ts'
import { Columns } from '../../src/workers/columns.ts'
import { Fleet, type WorkerHandle } from '../../src/workers/fleet.ts'
import type { VirtualConnection } from '../world/connection.ts'
import type { HostNetwork } from '../world/host.ts'
import type { Front } from './front.ts'
import type { ProxyProcess } from './process.ts'
import { PROXY, type Scene } from './scene.ts'
import { Slot } from './slot.ts'

/** From the spawning of a process until it takes connections; from its end until its supervisor hears of it. */
const SPAWN_MS = 40
const HEARD_MS = 5
const LOOK_MS = 1_000
const PULSE_MS = 2_000
/** As a service manager waits. */
const SUPERVISOR_BACK_MS = 1_000

/** A worker as its supervisor has it. */
interface Hand extends WorkerHandle {
  readonly column: number
  readonly slot: Slot
  running: ProxyProcess | undefined
  isGone: boolean
  isToDrain: boolean
}

/** What one supervisor has: whoever comes after it has another. */
interface Supervisor {
  readonly keeper: TableKeeper
  readonly columns: Columns
  readonly fleet: Fleet
  readonly slots: readonly Slot[]
  /** Workers of an older one, which drain. */
  readonly foreign: Set<Hand>
  isAlive: boolean
}

/**
 * Several workers and their supervisor, as src/start has them: the fleet and the tables' keeper are those of the program, processes,
 * sockets and the channel are the world's.
 */
export class Crew implements Front {
  readonly #scene: Scene
  readonly #count: number
  readonly #workers = new Set<Hand>()
  readonly #corpses = new Set<Hand>()
  #processes: readonly ProxyProcess[] = []
  #supervisor: Supervisor | undefined
  /** Of the supervisor, or of the last there was. */
  #keeper: TableKeeper | undefined
  /** Of processes that were ever started. */
  #started = 0
  #onDrained: (() => void) | undefined

  constructor(scene: Scene, count: number) {
    this.#scene = scene
    this.#count = count
  }

  get processes(): readonly ProxyProcess[] {
    return this.#processes
  }

  quotas(): Iterable<UserReading> {
    return this.#keeper?.users() ?? []
  }

  /** What of them is of one process is added up: the keeper has none of its own. */
  users(): Iterable<UserReading> {
    const open = new Map<string, number>()
    for (const { proxy } of this.processes)
      for (const user of proxy.users()) open.set(user.name, (open.get(user.name) ?? 0) + user.open)
    return [...this.quotas()].map((user) => ({ ...user, open: open.get(user.name) ?? 0 }))
  }

  start(): void {
    const { world, host, memory, store, machine } = this.#scene
    const random = world.random('reuseport')
    const columns = new Columns(
      2 * this.#count,
      [...this.#workers].map(({ column }) => column),
    )
    const slots = Array.from({ length: this.#count }, () => new Slot())
    host.listen(PROXY.port, (connection) => random.pick(slots).take(connection as VirtualConnection))
    const supervisor: Supervisor = {
      keeper: new TableKeeper({
        ...{ memory, clock: machine, random: world.random('keeper'), columns: columns.count },
        store: store.over((answer) => supervisor.isAlive && host.whenFree(answer)),
        emit: (event) => supervisor.isAlive && this.#scene.happened(event, 0),
        settings: () => this.#scene.settings,
      }),
      ...{ columns, slots, foreign: new Set(this.#workers), isAlive: true },
      fleet: this.#makeFleet(slots, { take: () => columns.take(), give: (column) => this.#give(supervisor, column) }),
    }
    this.#supervisor = supervisor
    this.#keeper = supervisor.keeper
    const taken = new Set([...this.#workers].map(({ column }) => column))
    for (let column = 0; column < columns.count; column++) if (!taken.has(column)) supervisor.keeper.takeBack(column)
    for (const { running } of this.#corpses) if (running !== undefined) this.#scene.bury(running)
    this.#corpses.clear()
    this.#listProcesses()
    supervisor.keeper.start(() => supervisor.fleet.start())
    this.#look(supervisor)
  }

  crash(how: 'kill' | 'power-cut'): void {
    const { host } = this.#scene
    this.#endSupervisor()
    for (const worker of [...this.#workers]) {
      this.#die(worker, how)
      this.#corpses.delete(worker)
    }
    this.#corpses.clear()
    this.#listProcesses()
    this.#scene.trouble.forget()
    if (how === 'kill') host.kill()
    else host.losePower()
  }

  /** One worker is ended by somebody else; false where none runs. */
  killOne(): boolean {
    const running = [...this.#workers].filter(({ running }) => running !== undefined)
    if (running.length === 0) return false
    const worker = this.#scene.world.random('workers').pick(running)
    this.#scene.world.trace(`worker ${worker.running?.number} dies`)
    this.#end(worker, true)
    return true
  }

  /** The supervisor alone is gone, and comes back a moment later: its workers drain meanwhile. */
  killSupervisor(): void {
    const { world, host } = this.#scene
    const supervisor = this.#supervisor
    if (supervisor === undefined) return
    world.trace('supervisor dies')
    this.#endSupervisor()
    host.unlisten(PROXY.port)
    for (const worker of [...this.#workers]) this.#drain(worker)
    for (const slot of supervisor.slots) slot.close()
    const hasCrashed = this.#scene.crashes
    world.after(SUPERVISOR_BACK_MS, () => {
      if (hasCrashed === this.#scene.crashes && this.#onDrained === undefined) this.start()
    })
  }

  /** Every worker is replaced by a new one, slot after slot. */
  restart(): boolean {
    return this.#supervisor?.fleet.restart() ?? false
  }

  apply(settings: Settings): void {
    for (const { running } of this.#workers) {
      if (running === undefined) continue
      running.vault.waitMs = settings.listen.handshakeTimeoutMs
      running.proxy.apply(settings)
    }
  }

  drain(done: () => void): void {
    this.#onDrained = done
    this.#scene.host.unlisten(PROXY.port)
    const supervisor = this.#supervisor
    supervisor?.fleet.drain()
    for (const slot of supervisor?.slots ?? []) slot.close()
    if (supervisor === undefined) done()
  }

  close(): void {
    this.#endSupervisor()
    for (const worker of [...this.#workers]) this.#end(worker)
  }

  #makeFleet(slots: readonly Slot[], columns: Pick<Columns, 'take' | 'give'>): Fleet {
    const { machine, world } = this.#scene
    return new Fleet({
      ...{ slots: slots.length, columns, mono: () => machine.mono() },
      spawn: (slot, column) => this.#spawn(slots[slot], column),
      drainMs: () => this.#scene.settings.listen.drainTimeoutMs,
      events: {
        onReady: () => this.#scene.onRestart(),
        onGone: (_, isWanted) => this.#scene.reach(isWanted ? 'worker ended' : 'worker died'),
        onReplacing: (slot, afterMs) => world.trace(`slot ${slot} gets another worker in ${afterMs} ms`),
        onStarted: () => {},
        // Nobody is left to try again but the service manager.
        onStartFailed: () => this.killSupervisor(),
        onRestarted: (isDone) => this.#scene.reach(isDone ? 'workers replaced' : 'workers not replaced'),
        onEnded: () => this.#onDrained?.(),
      },
    })
  }

  #spawn(slot: Slot, column: number): Hand {
    const { world, host } = this.#scene
    const number = ++this.#started
    const worker: Hand = {
      ...{ column, slot, pid: number, running: undefined, isGone: false, isToDrain: false },
      drain: () => this.#drain(worker),
      stop: () => void world.after(0, () => this.#end(worker)),
      kill: () => {
        if (!worker.isToDrain) this.#scene.checkers.fail('I11', 'a worker was ended by its supervisor')
        world.after(0, () => this.#end(worker))
      },
    }
    this.#workers.add(worker)
    world.after(SPAWN_MS, () => host.whenFree(() => this.#begin(worker, host.fork(number))))
    return worker
  }

  /** A token that does not answer lets no process begin. */
  #begin(worker: Hand, host: HostNetwork): void {
    if (worker.isGone) return
    const scene = this.#scene
    const token = scene.trouble.open()
    if (worker.isToDrain || !scene.trouble.isWell) {
      this.#end(worker)
      return
    }
    const place = { column: worker.column, columns: 2 * this.#count }
    const { store } = scene
    const memory = scene.memory.join()
    worker.running = scene.newProcess({ number: host.number, host, memory, store, token, worker: place })
    this.#listProcesses()
    worker.running.start()
    worker.slot.attach(worker.running)
    scene.world.after(HEARD_MS, () => this.#supervisor?.fleet.heardReady(worker))
    this.#pulse(worker, worker.running)
  }

  /** It tells of itself, when it can. */
  #pulse(worker: Hand, running: ProxyProcess): void {
    const { world } = this.#scene
    world.after(PULSE_MS, () =>
      running.deliver(() => {
        world.after(HEARD_MS, () => this.#supervisor?.fleet.heardFrom(worker))
        this.#pulse(worker, running)
      }),
    )
  }

  /** No newcomers; it ends with its last connection. */
  #drain(worker: Hand): void {
    const { running, slot } = worker
    worker.isToDrain = true
    if (running === undefined) return
    slot.detach(running)
    running.proxy.drain(() => void this.#scene.world.after(0, () => this.#end(worker)))
  }

  /** Its process is over, by itself or by a signal. */
  #end(worker: Hand, isKilled = false): void {
    if (worker.isGone) return
    if (!isKilled) worker.running?.proxy.close()
    this.#die(worker, 'kill')
    this.#scene.world.after(HEARD_MS, () => {
      const supervisor = this.#supervisor
      if (supervisor?.foreign.has(worker) !== true) supervisor?.fleet.heardGone(worker)
    })
  }

  #die(worker: Hand, how: 'kill' | 'power-cut'): void {
    const { running, slot } = worker
    worker.isGone = true
    this.#workers.delete(worker)
    if (running === undefined) return
    this.#corpses.add(worker)
    slot.detach(running)
    running.die()
    if (how === 'kill') running.host.kill()
    else running.host.losePower()
  }

  /** The keeper is the last to have to do with a column: what its process held is taken back. */
  #give(supervisor: Supervisor, column: number): void {
    supervisor.keeper.takeBack(column)
    supervisor.columns.give(column)
    for (const worker of this.#corpses) {
      if (worker.column !== column || worker.running === undefined) continue
      this.#corpses.delete(worker)
      this.#listProcesses()
      this.#scene.bury(worker.running)
    }
  }

  #listProcesses(): void {
    this.#processes = [...this.#corpses, ...this.#workers].flatMap(({ running }) => running ?? [])
  }

  #endSupervisor(): void {
    const supervisor = this.#supervisor
    this.#supervisor = undefined
    if (supervisor !== undefined) supervisor.isAlive = false
  }

  #look(supervisor: Supervisor): void {
    const { world, host } = this.#scene
    const look = () => {
      if (!supervisor.isAlive) return
      world.after(LOOK_MS, () => host.whenFree(look))
      for (const worker of supervisor.foreign)
        if (worker.isGone && supervisor.foreign.delete(worker)) this.#give(supervisor, worker.column)
      supervisor.keeper.tick()
      supervisor.fleet.tick()
    }
    world.after(LOOK_MS, look)
  }
}
