import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { answerCommand, type Control } from '../admin/commands.ts'
import type { Config } from '../config/schema.ts'
import { formatAddress } from '../config/values/net.ts'
import type { Address } from '../core/ports.ts'
import { serveAdminSocket, type AdminSocket } from '../runtime/admin-socket.ts'
import type { Log } from '../observe/log.ts'
import type { LevelStore, Runtime } from '../runtime/index.ts'
import { serveMetrics, type MetricsServer, type MetricsSource } from '../runtime/metrics-server.ts'
import type { Peer } from '../workers/peer.ts'
import { RemoteStore, SwitchStore } from '../workers/store.ts'
import { StartError } from './errors.ts'
import type { StateKey } from './seal.ts'
import { openStateStore } from './state-store.ts'

export interface Desk {
  readonly control: Control
  readonly metrics: MetricsSource
}

export interface FrontOptions {
  readonly runtime: Runtime
  readonly config: Config
  /** What the store is sealed with; undefined where it is not. */
  readonly seal: StateKey | undefined
  readonly log: Log
}

/**
 * What only one process can have: the store, the admin socket and the metrics listener. All of it can be given up for a
 * successor, and taken back should the successor fail.
 */
export class Front {
  /** Calls wait while nobody has the store. */
  readonly store = new SwitchStore()
  readonly #options: FrontOptions
  #level: LevelStore | undefined
  #desk: Desk | undefined
  #admin: AdminSocket | undefined
  #metrics: MetricsServer | undefined
  /** As bound: port 0 is chosen once. */
  #metricsAt: Address | undefined

  constructor(options: FrontOptions) {
    this.#options = options
    this.#metricsAt = options.config.metrics.listen
  }

  /** Where metrics are served; empty when nowhere. */
  get metricsAt(): string {
    return this.#metricsAt === undefined ? '' : formatAddress(this.#metricsAt)
  }

  /** Rejects with a `StartError`. */
  async openStore(): Promise<void> {
    const { runtime, config, seal, log } = this.#options
    const onBroken = (name: string) =>
      log.write('error', 'state.broken', 'A value of the sealed state does not open, and counts as none', { name })
    const { store, level } = await openStateStore({ runtime, folder: config.state.path, seal, onBroken })
    this.#level = level
    this.store.use(store)
  }

  /** Rejects with a `StartError`. */
  async openDesk(desk: Desk): Promise<void> {
    this.#desk = desk
    // A service manager looks here for whom to watch when one process takes over from another.
    writeFileSync(join(this.#options.config.state.path, 'palisade.pid'), `${process.pid}\n`)
    if (this.#metricsAt !== undefined) {
      const server = await serveMetrics(this.#metricsAt, desk.metrics)
      if ('error' in server) throw new StartError(`metrics.listen: ${server.error.message}`)
      this.#metrics = server
      this.#metricsAt = server.address
    }
    const { socket: path } = this.#options.config.admin
    if (path === '') return
    const socket = await serveAdminSocket(path, async (line) => JSON.stringify(await answerCommand(line, desk.control)))
    if ('error' in socket) throw new StartError(`admin.socket: ${socket.error}`)
    this.#admin = socket
  }

  closeDesk(): void {
    this.#admin?.close()
    this.#metrics?.close()
    this.#admin = this.#metrics = undefined
  }

  async closeStore(): Promise<void> {
    const level = this.#level
    this.#level = undefined
    if (level !== undefined) await new Promise<void>((done) => level.close(done))
  }

  /** For a successor, which opens it all. Calls to the store wait from now on. */
  async giveUp(): Promise<void> {
    this.closeDesk()
    this.store.hold()
    await this.closeStore()
  }

  /** The successor has it all; the store is used through it. */
  handOver(successor: Peer): void {
    this.store.use(new RemoteStore(successor))
  }

  /** The successor is gone without having taken it. Rejects with a `StartError` when it cannot be had any more. */
  async takeBack(): Promise<void> {
    await this.openStore()
    if (this.#desk !== undefined) await this.openDesk(this.#desk)
  }
}
