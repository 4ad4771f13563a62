import type { Socket } from 'node:net'
import type { Address, Cancellable, Clock, Dialing } from '../../../src/core/ports.ts'
import { SeededRandom } from '../../world/random.ts'
import { HELLOS, type Stage, type Timeline } from '../stage.ts'
import type { Truth } from '../truth.ts'
import type { LoopbackMap } from './loopback.ts'
import type { SlowLines } from './slow-lines.ts'
import { dialFrom } from './socket.ts'

export interface LiveStageOptions {
  readonly seed: number
  /** Of hellos alone: those of another run with the same seed would be recordings to a proxy that has seen it. */
  readonly freshSeed: number
  readonly clock: Clock
  readonly proxy: Address
  readonly places: LoopbackMap
  /** Ms of the plan in one of the clock's. */
  readonly speed: number
  readonly hasTelegram: boolean
  /** Those of people. */
  readonly lines: SlowLines
  /** Most sockets held at a time. */
  readonly socketsMax: number
}

/** Real sockets and real time for the people of a scenario. Plan for it at once: its time begins when it is made. */
export class LiveStage implements Stage {
  readonly startAt = 0
  readonly pace: number
  readonly hasTelegram: boolean
  readonly world: Timeline
  readonly crowd: LiveCrowd
  readonly #timers = new Set<NodeJS.Timeout>()
  #isStopped = false

  constructor(options: LiveStageOptions) {
    const { seed, freshSeed, clock, speed, hasTelegram } = options
    this.pace = speed
    this.hasTelegram = hasTelegram
    this.crowd = new LiveCrowd(options)
    const begunAt = clock.mono()
    const streams = new Map<string, SeededRandom>()
    this.world = {
      clock,
      get now() {
        return Math.floor((clock.mono() - begunAt) * speed)
      },
      after: (ms, run) => this.#after(ms, run),
      random(name) {
        const stream = streams.get(name) ?? new SeededRandom(name === HELLOS ? freshSeed : seed, name)
        streams.set(name, stream)
        return stream
      },
    }
  }

  get nowMs(): number {
    return this.world.now
  }

  at(ms: number, run: () => void): void {
    this.#after(ms - this.nowMs, run)
  }

  /** Nothing happens any more: timers are gone, and every socket is closed. */
  stop(): void {
    this.#isStopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.crowd.leave()
  }

  #after(ms: number, run: () => void): Cancellable {
    if (this.#isStopped) return { cancel() {} }
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        run()
      },
      Math.max(0, ms / this.pace),
    )
    this.#timers.add(timer)
    return {
      cancel: () => {
        clearTimeout(timer)
        this.#timers.delete(timer)
      },
    }
  }
}

/** Everybody outside, each at an address of the loopback. */
class LiveCrowd {
  readonly #options: LiveStageOptions
  readonly #attackSockets = new Set<Socket>()
  readonly #honest = new Set<string>()
  readonly #honestSockets = new Set<Socket>()
  #isCutOff = false
  #isLeft = false
  /** Connections at once, at most. */
  openMost = 0
  /** Dials that were not made for want of sockets. */
  unmade = 0

  constructor(options: LiveStageOptions) {
    this.#options = options
  }

  get open(): number {
    return this.#attackSockets.size + this.honestOpen
  }

  /** Of honest users alone. */
  get honestOpen(): number {
    return this.#honestSockets.size
  }

  /** Of the loopback, where honest users came from. */
  get honestAddresses(): readonly string[] {
    return [...this.#honest]
  }

  dial(ip: string, truth: Truth, dialing: Dialing): Cancellable {
    const { proxy, places, socketsMax, lines } = this.#options
    const from = places.of(ip)
    if (truth.side === 'honest') this.#honest.add(from)
    const isFull = this.open >= socketsMax
    if (isFull) this.unmade++
    if (isFull || this.#isCutOff || this.#isLeft) return failSoon(dialing, isFull ? 'descriptors' : 'unreachable')
    const late: Dialing = {
      onOpen: (connection) => lines.late(dialing.onOpen(connection)),
      onFail: (why) => dialing.onFail(why),
    }
    const dial = dialFrom(from, proxy, late, truth.side === 'honest' ? this.#honestSockets : this.#attackSockets)
    this.openMost = Math.max(this.openMost, this.open)
    return dial
  }

  /** All lines to the proxy break and stay so, or work again. */
  setCutOff(isCutOff: boolean): void {
    this.#isCutOff = isCutOff
    if (isCutOff) for (const socket of this.#all()) socket.resetAndDestroy()
  }

  leave(): void {
    this.#isLeft = true
    for (const socket of this.#all()) socket.destroy()
  }

  #all(): readonly Socket[] {
    return [...this.#honestSockets, ...this.#attackSockets]
  }
}

function failSoon(dialing: Dialing, why: 'descriptors' | 'unreachable'): Cancellable {
  let isOver = false
  queueMicrotask(() => {
    if (!isOver) dialing.onFail(why)
  })
  return { cancel: () => (isOver = true) }
}
