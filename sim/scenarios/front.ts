import type { UserReading } from '../../src/core/guard/users/index.ts'
import type { Settings } from '../../src/core/settings.ts'
import type { ProxyProcess } from './process.ts'
import { PROXY, type Scene } from './scene.ts'

/** How a whole proxy is run: by one process, or by several. */
export interface Front {
  /** Those that live, and those whose death nobody has noticed yet; the oldest first. */
  readonly processes: readonly ProxyProcess[]
  /** Over all processes. */
  users(): Iterable<UserReading>
  /** The same, but for what is of one process alone: cheaper. */
  quotas(): Iterable<UserReading>
  start(): void
  /** Every process is gone without a word; `start` comes next. */
  crash(how: 'kill' | 'power-cut'): void
  apply(settings: Settings): void
  /** `done` is called once, when the last connection is gone. */
  drain(done: () => void): void
  close(): void
}

/** One process that has everything. */
export class Alone implements Front {
  readonly #scene: Scene
  #running: ProxyProcess | undefined

  constructor(scene: Scene) {
    this.#scene = scene
  }

  get processes(): readonly ProxyProcess[] {
    return this.#running === undefined ? [] : [this.#running]
  }

  users(): Iterable<UserReading> {
    return this.#running?.proxy.users() ?? []
  }

  quotas(): Iterable<UserReading> {
    return this.users()
  }

  start(): void {
    const scene = this.#scene
    const { host, memory, store, trouble } = scene
    const running = scene.newProcess({ number: 0, host, memory, store, token: trouble.open() })
    this.#running = running
    host.listen(PROXY.port, running.accept)
    running.start()
    scene.onRestart()
  }

  crash(how: 'kill' | 'power-cut'): void {
    const { host } = this.#scene
    this.#running?.die()
    this.#scene.trouble.forget()
    if (how === 'kill') host.kill()
    else host.losePower()
  }

  apply(settings: Settings): void {
    const running = this.#running
    if (running === undefined) return
    running.vault.waitMs = settings.listen.handshakeTimeoutMs
    running.proxy.apply(settings)
  }

  drain(done: () => void): void {
    this.#running?.proxy.drain(done)
  }

  close(): void {
    this.#running?.proxy.close()
  }
}
