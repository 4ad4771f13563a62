import type { Address, CloseKind, Connection, Handler } from '../../src/core/ports.ts'
import type { SeededRandom } from './random.ts'
import type { World } from './world.ts'

/** How one virtual connection behaves; both directions alike. */
export interface LinkPlan {
  readonly latencyMs: number
  /** Bytes on their way or unread, per direction, before `write` takes no more. */
  readonly windowBytes: number
  /** The largest piece the receiver is given at once; pieces are cut at random below it. */
  readonly segmentBytes: number
  /** Whether pieces are cut at random sizes, or as large as they come. */
  readonly isChoppy: boolean
  /** After this many bytes in one direction the connection breaks; undefined: never. */
  readonly resetAfterBytes?: number
  /** Now and then nothing is delivered for this long; 0: never. */
  readonly stallMs: number
}

const POISON = 0xdb
const STALL_ONE_IN = 20

const IGNORE: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }

/** One end of a virtual TCP connection. */
export class VirtualConnection implements Connection {
  handler: Handler = IGNORE
  readonly id: string
  readonly remote: Address
  readonly local: Address
  peer!: VirtualConnection
  readonly #world: World
  readonly #random: SeededRandom
  readonly #plan: LinkPlan
  readonly #onGone: () => void
  /** What the peer wrote and we have not been given yet. */
  #incoming: Uint8Array[] = []
  #incomingBytes = 0
  #receivedBytes = 0
  #isPaused = false
  #isDelivering = false
  #wantsDrain = false
  /** Our direction: open, ended by us, or the FIN has arrived. */
  #hasEnded = false
  #finArrives = false
  #finSeen = false
  #isGone = false

  constructor(
    world: World,
    random: SeededRandom,
    plan: LinkPlan,
    ends: { id: string; local: Address; remote: Address },
    onGone: () => void,
  ) {
    this.#world = world
    this.#random = random
    this.#plan = plan
    this.id = ends.id
    this.local = ends.local
    this.remote = ends.remote
    this.#onGone = onGone
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** Bytes that have come or are on their way and that the handler has not been given. */
  get unreadBytes(): number {
    return this.#incomingBytes
  }

  write(bytes: Uint8Array): number {
    if (this.#isGone || this.#hasEnded) return 0
    const { peer } = this
    const room = this.#plan.windowBytes - peer.#incomingBytes
    const taken = Math.min(bytes.length, Math.max(0, room))
    if (taken < bytes.length) this.#wantsDrain = true
    if (taken > 0) peer.#enqueue(Uint8Array.from(bytes.subarray(0, taken)))
    return taken
  }

  end(): void {
    if (this.#isGone || this.#hasEnded) return
    this.#hasEnded = true
    const { peer } = this
    this.#world.after(this.#plan.latencyMs, () => {
      peer.#finArrives = true
      peer.#deliverSoon()
    })
    this.#closeIfBothEnded()
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#deliverSoon()
  }

  close(): void {
    if (this.#isGone) return
    // A kernel that holds unread bytes answers a close with RST (security.md, E5).
    if (this.#incomingBytes > 0) {
      this.reset()
      return
    }
    this.end()
    this.#leave()
  }

  reset(): void {
    if (this.#isGone) return
    this.#leave()
    this.#resetPeer()
  }

  /** The network breaks the connection: both ends see a reset. */
  sever(): void {
    for (const end of [this, this.peer]) end.#world.after(0, () => end.#gone('reset'))
  }

  #enqueue(bytes: Uint8Array): void {
    if (this.#isGone) {
      // Data for a socket that was given back: the kernel answers with RST.
      this.#resetPeer()
      return
    }
    this.#incoming.push(bytes)
    this.#incomingBytes += bytes.length
    const { latencyMs, stallMs } = this.#plan
    const stall = stallMs > 0 && this.#random.chance(1, STALL_ONE_IN) ? this.#random.between(1, stallMs) : 0
    this.#world.after(latencyMs + stall, () => this.#deliverSoon())
  }

  #deliverSoon(): void {
    if (this.#isDelivering || this.#isPaused || this.#isGone) return
    this.#isDelivering = true
    this.#world.after(0, () => {
      this.#isDelivering = false
      this.#deliver()
    })
  }

  #deliver(): void {
    if (this.#isPaused || this.#isGone) return
    if (this.#incomingBytes > 0) {
      const chunk = this.#take()
      this.#world.trace(`${this.id} data ${chunk.length}`, chunk)
      this.handler.onData(chunk)
      chunk.fill(POISON)
      this.peer.#makeRoom()
      const { resetAfterBytes } = this.#plan
      if (resetAfterBytes !== undefined && this.#receivedBytes >= resetAfterBytes) this.sever()
      else this.#deliverSoon()
    } else if (this.#finArrives && !this.#finSeen) {
      this.#finSeen = true
      this.#world.trace(`${this.id} end`)
      this.handler.onEnd()
      this.#closeIfBothEnded()
    }
  }

  /** A piece of what waits: pieces that were written apart may come joined, and one write may come in several. */
  #take(): Uint8Array {
    const { segmentBytes, isChoppy } = this.#plan
    const most = Math.min(this.#incomingBytes, segmentBytes)
    const length = isChoppy ? this.#random.between(1, most) : most
    const chunk = new Uint8Array(length)
    for (let filled = 0; filled < length;) {
      const first = this.#incoming[0]
      const part = first.subarray(0, length - filled)
      chunk.set(part, filled)
      filled += part.length
      if (part.length === first.length) this.#incoming.shift()
      else this.#incoming[0] = first.subarray(part.length)
    }
    this.#incomingBytes -= length
    this.#receivedBytes += length
    return chunk
  }

  #makeRoom(): void {
    if (!this.#wantsDrain || this.#isGone) return
    this.#wantsDrain = false
    this.#world.after(this.#plan.latencyMs, () => {
      if (!this.#isGone && !this.#hasEnded) this.handler.onDrain()
    })
  }

  #closeIfBothEnded(): void {
    if (!this.#hasEnded || !this.#finSeen || this.#isGone) return
    this.#world.after(0, () => this.#gone('end'))
  }

  #resetPeer(): void {
    const { peer } = this
    this.#world.after(this.#plan.latencyMs, () => peer.#gone('reset'))
  }

  #gone(kind: CloseKind): void {
    if (this.#isGone) return
    this.#leave()
    this.#world.trace(`${this.id} gone ${kind}`)
    this.handler.onClose(kind)
  }

  #leave(): void {
    this.#isGone = true
    this.#incoming = []
    this.#incomingBytes = 0
    this.#onGone()
  }
}
