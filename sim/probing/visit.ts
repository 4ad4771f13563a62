import type { Cancellable, CloseKind, Connection, Dialing, Handler } from '../../src/core/ports.ts'
import { SendQueue } from '../telegram/send-queue.ts'
import type { World } from '../world/world.ts'
import type { Probe } from './probes.ts'

/** What a censor can note of one connection; times in ms since it dialled, -1 where something never happened. */
export interface Visit {
  readonly connectMs: number
  /** From the first byte it said to the first it was told. */
  readonly firstMs: number
  readonly firstBytes: number
  readonly totalBytes: number
  readonly chunks: number
  /** The first byte it was told, which is the type of the first record; and what an alert says. */
  readonly firstType: number
  readonly alert: number
  /** From the last byte it said, or from the beginning where it said none. */
  readonly closeMs: number
  /** From the last byte it was told to the end. */
  readonly quietMs: number
  /** 0 open, 1 FIN, 2 RST. */
  readonly how: number
}

export const FEATURES = [
  ...['connectMs', 'firstMs', 'firstBytes', 'totalBytes', 'chunks', 'firstType', 'alert', 'closeMs', 'quietMs', 'how'],
  // What a tree, which looks at one number at a time, would not see of two.
  ...['firstMs - connectMs', 'closeMs - connectMs'],
] as const

/** What no hop changes: neither times, nor into what pieces a stream falls. */
export const CONTENT = ['totalBytes', 'firstType', 'alert', 'how'] as const

export function rowOf(visit: Visit): readonly number[] {
  const { connectMs, firstMs, firstBytes, totalBytes, chunks, firstType, alert, closeMs, quietMs, how } = visit
  const afterFirst = firstMs < 0 ? -1 : firstMs - connectMs
  const afterClose = closeMs < 0 ? -1 : closeMs - connectMs
  return [
    ...[connectMs, firstMs, firstBytes, totalBytes, chunks, firstType, alert, closeMs, quietMs, how],
    ...[afterFirst, afterClose],
  ]
}

const WAITING_MAX_BYTES = 4 << 20
const ALERT_RECORD = 0x15
const DESCRIPTION_AT = 6

/** One connection of a censor: plays a probe, and notes what comes back until `onDone`. */
export class Visitor implements Handler {
  readonly #world: World
  readonly #probe: Probe
  readonly #onDone: (visit: Visit) => void
  readonly #dialledAt: number
  #connection: Connection | undefined
  #queue: SendQueue | undefined
  #timer: Cancellable | undefined
  #openedAt = 0
  #spokeAt = 0
  #saidAt = 0
  #firstAt = 0
  #heardAt = 0
  #first = new Uint8Array(0)
  #totalBytes = 0
  #chunks = 0
  #how = 0
  #isOver = false

  /** Whoever is not sent away within `patienceMs` leaves. */
  constructor(world: World, probe: Probe, patienceMs: number, onDone: (visit: Visit) => void) {
    this.#world = world
    this.#probe = probe
    this.#onDone = onDone
    this.#dialledAt = world.now
    this.#timer = world.after(patienceMs, () => {
      this.#connection?.reset()
      this.#finish(0)
    })
  }

  readonly dialing: Dialing = {
    onOpen: (connection) => {
      this.#connection = connection
      this.#openedAt = this.#saidAt = this.#heardAt = this.#world.now
      this.#queue = new SendQueue(connection, WAITING_MAX_BYTES)
      this.#say(connection, 0)
      return this
    },
    onFail: () => this.#finish(2),
  }

  onData(chunk: Uint8Array): void {
    if (this.#totalBytes === 0) {
      this.#firstAt = this.#world.now
      this.#first = chunk.slice()
    }
    this.#totalBytes += chunk.length
    this.#chunks++
    this.#heardAt = this.#world.now
  }

  onDrain(): void {
    this.#queue?.pump()
  }

  onEnd(): void {
    this.#queue?.end()
    this.#finish(1)
  }

  onClose(kind: CloseKind): void {
    this.#finish(kind === 'reset' ? 2 : 1)
  }

  #say(connection: Connection, at: number): void {
    if (this.#isOver) return
    const { pieces, ending } = this.#probe
    if (at === pieces.length) {
      if (ending !== undefined) this.#world.after(ending.afterMs, () => this.#leave(connection, ending.how))
      return
    }
    const { afterMs, bytes } = pieces[at]
    const say = () => {
      if (this.#isOver) return
      if (at === 0) this.#spokeAt = this.#world.now
      this.#saidAt = this.#world.now
      this.#queue?.push(bytes)
      this.#say(connection, at + 1)
    }
    if (afterMs === 0) say()
    else this.#world.after(afterMs, say)
  }

  #leave(connection: Connection, how: 'end' | 'reset'): void {
    if (this.#isOver) return
    this.#saidAt = this.#world.now
    if (how === 'end') this.#queue?.end()
    else {
      connection.reset()
      this.#finish(0)
    }
  }

  #finish(how: number): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer?.cancel()
    this.#how = how
    this.#onDone(this.#visit())
  }

  #visit(): Visit {
    const { now } = this.#world
    const hasHeard = this.#totalBytes > 0
    const hasAlert = this.#first[0] === ALERT_RECORD && this.#first.length > DESCRIPTION_AT
    return {
      connectMs: this.#openedAt - this.#dialledAt,
      firstMs: hasHeard ? this.#firstAt - this.#spokeAt : -1,
      firstBytes: this.#first.length,
      totalBytes: this.#totalBytes,
      chunks: this.#chunks,
      firstType: hasHeard ? this.#first[0] : -1,
      alert: hasAlert ? this.#first[DESCRIPTION_AT] : -1,
      closeMs: this.#how === 0 ? -1 : now - this.#saidAt,
      quietMs: this.#how === 0 ? -1 : now - this.#heardAt,
      how: this.#how,
    }
  }
}
