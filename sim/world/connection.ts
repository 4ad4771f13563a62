import type { Address, CloseKind, Connection, Handler } from '../../src/core/ports.ts'
import { ByteQueue } from './byte-queue.ts'
import type { SeededRandom } from './random.ts'
import type { Uplink } from './uplink.ts'
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
  /** Now and then nothing arrives for this long; 0: never. */
  readonly stallMs: number
  /** After this many bytes in one direction the connection breaks, and both ends learn it; undefined: never. */
  readonly resetAfterBytes?: number
  /** The connection breaks as soon as that end has been given exactly so many bytes; undefined: never. */
  readonly breaksAt?: { readonly end: End; readonly bytes: number }
  /** When the end that dialled has been given so many bytes, it reads nothing for a while. */
  readonly stopsAt?: { readonly bytes: number; readonly forMs: number }
  /** What arrives is late by up to this much, and never overtakes; 0 or undefined: not at all. */
  readonly jitterMs?: number
  /** After this many bytes in one direction nothing arrives any more and nobody is told, but by waiting in vain; undefined: never. */
  readonly deadAfterBytes?: number
  /** What arrives waits this long for more to be given together with it; 0 or undefined: not at all. */
  readonly coalesceMs?: number
  /** Now and then `write` takes only a part of what there is room for. */
  readonly isStingy?: boolean
}

export type End = 'dialler' | 'listener'

const POISON = 0xdb
const STALL_ONE_IN = 20
const STINGY_ONE_IN = 3
/** What a kernel with default settings takes to give up on a peer that confirms nothing: about a quarter of an hour. */
export const DEAD_PEER_MS = 924_000

export interface ConnectionWatcher {
  /** Virtual ms before which the process at this end hears nothing; in the past while it runs. */
  freeAt(): number
  /** Another handler is about to take over from the one it had. */
  onHandOver(connection: VirtualConnection): void
  /** Another process of the same machine had it before. */
  onCome(connection: VirtualConnection): void
  onGone(connection: VirtualConnection): void
}

const IGNORE: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }

/** One end of a virtual TCP connection. What it writes travels to its peer, in order, each piece in its own time. */
export class VirtualConnection implements Connection {
  readonly id: string
  readonly remote: Address
  readonly local: Address
  peer!: VirtualConnection
  /** What it sends goes through this line, which others use too. */
  uplink: Uplink | undefined
  /** May be replaced while the connection lives, by one with the same window: faults end, others begin. */
  plan: LinkPlan
  /** Virtual ms. */
  readonly openedAt: number
  readonly #world: World
  readonly #random: SeededRandom
  readonly #end: End
  #watcher: ConnectionWatcher
  #handler = IGNORE
  /** What has come and waits to be read. */
  readonly #arrived = new ByteQueue()
  #onWayBytes = 0
  /** Nothing overtakes what was sent before it: bytes, FIN and RST arrive at this time or later. */
  #lastArrivalAt = 0
  #receivedBytes = 0
  #isPaused = false
  #isWaking = false
  /** Virtual ms until which its owner does not come to read. */
  #stoppedUntil = 0
  #wantsDrain = false
  #isConfirming = false
  #hasEnded = false
  #fin: 'none' | 'arrived' | 'told' = 'none'
  #isBroken = false
  #isCut = false
  #isDead = false
  #isGone = false
  #isGivenUp = false

  constructor(
    world: World,
    random: SeededRandom,
    plan: LinkPlan,
    ends: { id: string; local: Address; remote: Address; end: End },
    watcher: ConnectionWatcher,
  ) {
    this.#world = world
    this.#random = random
    this.plan = plan
    this.id = ends.id
    this.#end = ends.end
    this.local = ends.local
    this.remote = ends.remote
    this.#watcher = watcher
    this.openedAt = world.now
  }

  get handler(): Handler {
    return this.#handler
  }

  set handler(handler: Handler) {
    if (this.#handler !== IGNORE) this.#watcher.onHandOver(this)
    this.#handler = handler
  }

  /** Whether its handler was told that the peer has ended its direction, or was given bytes of the peer. */
  get hasHeard(): boolean {
    return this.#fin === 'told' || this.#receivedBytes > 0
  }

  /** Whether its owner has closed or reset it, before the peer did. */
  get isGivenUp(): boolean {
    return this.#isGivenUp
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** Another process of its machine has it from now on. */
  moveTo(watcher: ConnectionWatcher): void {
    if (watcher === this.#watcher) return
    this.#watcher.onGone(this)
    this.#watcher = watcher
    watcher.onCome(this)
  }

  /** Bytes that have come or are on their way and that the handler has not been given. */
  get unreadBytes(): number {
    return this.#onWayBytes + this.#arrived.length
  }

  write(bytes: Uint8Array): number {
    if (this.#isGone || this.#hasEnded || this.#isBroken) return 0
    const room = Math.min(bytes.length, this.#room())
    const isStingy = this.plan.isStingy === true && room > 1 && this.#random.chance(1, STINGY_ONE_IN)
    const taken = isStingy ? this.#random.below(room) : room
    if (taken > 0) this.peer.#send(new Uint8Array(bytes.subarray(0, taken)))
    if (taken < bytes.length) {
      this.#wantsDrain = true
      if (isStingy) this.#confirmSoon()
    }
    return taken
  }

  end(): void {
    if (this.#isGone || this.#hasEnded) return
    this.#hasEnded = true
    this.#wantsDrain = false
    this.#sendFin()
    if (this.#hasNews()) this.#wake(0)
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    if (this.#hasNews()) this.#wake(0)
  }

  close(): void {
    if (this.#isGone) return
    this.#isGivenUp = true
    // A kernel that holds unread bytes answers a close with RST (security.md, E5).
    if (this.#arrived.length > 0) {
      this.reset()
      return
    }
    if (!this.#hasEnded) this.#sendFin()
    this.#leave()
  }

  reset(): void {
    if (this.#isGone) return
    this.#isGivenUp = true
    this.#leave()
    this.#sendReset()
  }

  /** The network breaks the connection: both ends see a reset. */
  sever(): void {
    for (const end of [this, this.peer]) end.#world.after(0, () => end.#break())
  }

  /** It breaks right here: of what has come or is on its way no byte is given. */
  #cut(): void {
    this.#isCut = true
    this.#arrived.clear()
    this.sever()
  }

  /** From now on nothing arrives in either direction, and nobody is told: a cable pulled, a machine without power. */
  die(): void {
    this.#isDead = this.peer.#isDead = true
  }

  /** This end's machine is gone without a word: it hears nothing more, and says nothing. */
  vanish(): void {
    this.die()
    if (!this.#isGone) this.#leave()
  }

  #room(): number {
    return Math.max(0, this.plan.windowBytes - this.peer.unreadBytes)
  }

  /** Bytes of the peer set out for us. */
  #send(bytes: Uint8Array): void {
    this.#onWayBytes += bytes.length
    const lineMs = this.peer.uplink?.delayMs(bytes.length, this.#world.now) ?? 0
    this.#arrive(lineMs, () => {
      this.#onWayBytes -= bytes.length
      if (this.#isGone) {
        // Data for a socket that was given back: the kernel answers with RST.
        this.#sendReset()
        return
      }
      if (this.#isCut) return
      this.#arrived.push(bytes)
      this.#wake(this.plan.coalesceMs ?? 0)
    })
  }

  #sendFin(): void {
    const { peer } = this
    peer.#arrive(0, () => {
      peer.#fin = 'arrived'
      peer.#wake(0)
    })
  }

  #sendReset(): void {
    const { peer } = this
    peer.#arrive(0, () => peer.#break())
  }

  /** Something sets out for us in `afterMs`, behind all that did before. On a dead path its sender waits in vain. */
  #arrive(afterMs: number, happen: () => void): void {
    const { latencyMs, stallMs, jitterMs = 0 } = this.plan
    const stall = stallMs > 0 && this.#random.chance(1, STALL_ONE_IN) ? this.#random.between(1, stallMs) : 0
    const late = stall + (jitterMs > 0 ? this.#random.below(jitterMs) : 0)
    this.#lastArrivalAt = Math.max(this.#lastArrivalAt, this.#world.now + afterMs + latencyMs + late)
    this.#world.at(this.#lastArrivalAt, () => {
      if (!this.#isDead) happen()
      else this.#world.after(DEAD_PEER_MS, () => this.peer.#break())
    })
  }

  /** A reset has arrived. What came before it is still read; while paused nobody reads, and it is told at once. */
  #break(): void {
    this.#isBroken = true
    this.#wake(0)
  }

  #wake(afterMs: number): void {
    if (this.#isWaking || this.#isGone) return
    this.#isWaking = true
    this.#world.after(afterMs, () => this.#waken())
  }

  /** Who is stalled is told when it runs again. */
  #waken(): void {
    const freeAt = Math.max(this.#watcher.freeAt(), this.#stoppedUntil)
    if (freeAt > this.#world.now && !this.#isGone) {
      this.#world.at(freeAt, () => this.#waken())
      return
    }
    this.#isWaking = false
    this.#tell()
  }

  #hasNews(): boolean {
    if (this.#isBroken || this.#arrived.length > 0) return true
    return this.#fin === 'arrived' || (this.#fin === 'told' && this.#hasEnded)
  }

  /** Tells the handler one thing, the first that is due, and comes back for the next. */
  #tell(): void {
    if (this.#isGone) return
    if (this.#isBroken && (this.#isPaused || this.#arrived.length === 0)) this.#gone('reset')
    else if (this.#isPaused) return
    else if (this.#arrived.length > 0) this.#deliver()
    else if (this.#fin === 'arrived') {
      this.#fin = 'told'
      if (this.#world.isTraced) this.#world.trace(`${this.id} end`)
      this.#handler.onEnd()
      if (this.#hasNews()) this.#wake(0)
    } else if (this.#fin === 'told' && this.#hasEnded) this.#gone('end')
  }

  /** A piece of what waits: pieces that were written apart may come joined, and one write may come in several. */
  #deliver(): void {
    const { segmentBytes, isChoppy, resetAfterBytes, deadAfterBytes, breaksAt, stopsAt } = this.plan
    const breakAt = breaksAt?.end === this.#end ? breaksAt.bytes : Infinity
    const most = Math.min(this.#arrived.length, segmentBytes, breakAt - this.#receivedBytes)
    const chunk = this.#arrived.take(isChoppy ? this.#random.between(1, most) : most)
    this.#receivedBytes += chunk.length
    if (this.#world.isTraced) this.#world.trace(`${this.id} data ${chunk.length}`, chunk)
    this.#handler.onData(chunk)
    chunk.fill(POISON)
    if (resetAfterBytes !== undefined && this.#receivedBytes >= resetAfterBytes) this.sever()
    if (this.#receivedBytes >= breakAt) this.#cut()
    if (
      stopsAt !== undefined &&
      this.#end === 'dialler' &&
      this.#stoppedUntil === 0 &&
      this.#receivedBytes >= stopsAt.bytes
    )
      this.#stoppedUntil = this.#world.now + stopsAt.forMs
    if (deadAfterBytes !== undefined && this.#receivedBytes >= deadAfterBytes) this.die()
    this.peer.#confirmSoon()
    if (this.#hasNews()) this.#wake(0)
  }

  /** The peer says what it has read; a writer that waits for room is told when that arrives. */
  #confirmSoon(): void {
    if (!this.#wantsDrain || this.#isConfirming || this.#isDead) return
    this.#isConfirming = true
    this.#world.after(this.plan.latencyMs, () => this.#confirmed())
  }

  #confirmed(): void {
    const freeAt = this.#watcher.freeAt()
    if (freeAt > this.#world.now && !this.#isGone) {
      this.#world.at(freeAt, () => this.#confirmed())
      return
    }
    this.#isConfirming = false
    if (!this.#wantsDrain || this.#isGone || this.#isBroken || this.#room() === 0) return
    this.#wantsDrain = false
    this.#handler.onDrain()
  }

  #gone(kind: CloseKind): void {
    this.#leave()
    if (this.#world.isTraced) this.#world.trace(`${this.id} gone ${kind}`)
    this.#handler.onClose(kind)
  }

  #leave(): void {
    this.#isGone = true
    this.#arrived.clear()
    this.#watcher.onGone(this)
  }
}
