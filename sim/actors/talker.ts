import type { Address, CloseKind, Connection, Handler } from '../../src/core/ports.ts'
import { concat } from '../../src/core/protocol/bytes.ts'
import { ctr, type StreamCipher } from '../../src/core/protocol/ctr.ts'
import { FRAMINGS, type Frame, type FrameReader } from '../../src/core/protocol/framing/index.ts'
import { INIT_LENGTH, makeInit, type Framing } from '../../src/core/protocol/obfuscated2.ts'
import type { Identity, Seen } from '../checkers/seen.ts'
import { SendQueue } from '../telegram/send-queue.ts'
import { answerTo, quickAckOf, readPart, writePart, type Part } from '../telegram/talk.ts'
import type { HostNetwork } from '../world/host.ts'
import type { SeededRandom } from '../world/random.ts'
import type { World } from '../world/world.ts'
import { FakeTlsClient } from './fake-tls.ts'

/** How a talk ends, if nothing goes wrong. */
export type Ending = 'client-ends' | 'ends-early' | 'dc-ends' | 'resets' | 'stays'

export interface TalkPlan {
  readonly name: string
  readonly talk: number
  readonly framing: Framing
  readonly dc: number
  readonly key: Uint8Array
  /** With it the client speaks fake TLS. */
  readonly tls?: { readonly domain: string; readonly stamp: number; readonly size: 'today' | 'classic' }
  /** Sent first, as a balancer would. */
  readonly proxyHeader?: Uint8Array
  readonly parts: readonly { readonly bytes: number; readonly answerBytes: number; readonly quickAck: boolean }[]
  /** Parts sent before their answers came. */
  readonly ahead: number
  /** Whether the init travels alone. */
  readonly isInitAlone: boolean
  /** How long the client is silent behind the proxy's answer. */
  readonly prewarmMs: number
  /** The first bytes are written in pieces of at most this, a while apart; 0: at once. */
  readonly trickleBytes: number
  /** One reading in this many is followed by a pause; 0: none. */
  readonly slowOneIn: number
  readonly ending: Ending
  readonly mustEndWell: boolean
}

/** What a censor who watches the line keeps of one connection. */
export interface Recording {
  readonly talk: number
  readonly identity: Identity
  readonly first: Uint8Array
  /** What came behind the proxy's answer. */
  second: Uint8Array
}

export interface TalkerPorts {
  readonly world: World
  readonly random: SeededRandom
  readonly host: HostNetwork
  readonly proxy: Address
  readonly tell: (seen: Seen) => void
  readonly record: (recording: Recording) => void
}

const WAITING_MAX_BYTES = 1 << 20
const TRICKLE_MS = 40
const PAUSE_MAX_MS = 3_000
const PAUSES_MAX = 8
/** 28 bytes of a hello's random; bytes 8..55 of an init. */
const MAC_LENGTH = 28

/** An honest client: says its parts, knows every byte of the answers, and ends as its plan says. */
export class Talker implements Handler {
  readonly plan: TalkPlan
  readonly #ports: TalkerPorts
  readonly #tls: FakeTlsClient | undefined
  readonly #up: StreamCipher
  readonly #down: StreamCipher
  readonly #reader: FrameReader
  readonly #acks: number[] = []
  #init: Uint8Array | undefined
  #connection: Connection | undefined
  #queue: SendQueue | undefined
  #recording: Recording | undefined
  #isRecorded = false
  #sent = 0
  #answered = 0
  #pauses = 0
  #outcome: string | undefined

  constructor(plan: TalkPlan, ports: TalkerPorts) {
    const { random } = ports
    this.plan = plan
    this.#ports = ports
    this.#tls = plan.tls === undefined ? undefined : new FakeTlsClient({ ...plan.tls, random, key: plan.key })
    const { framing, dc, key, tls } = plan
    const init = makeInit({ random, framing, dc, secret: key, isInsideTls: tls !== undefined })
    this.#init = init.wire
    this.#up = ctr(init.up, INIT_LENGTH)
    this.#down = ctr(init.down)
    this.#reader = FRAMINGS[framing].reader({ side: 'client' })
  }

  /** Undefined while it talks. */
  get outcome(): string | undefined {
    return this.#outcome
  }

  start(): void {
    this.#ports.host.dial(this.#ports.proxy, {
      onOpen: (connection) => this.#open(connection),
      onFail: (why) => this.#finish(why),
    })
  }

  /** The run is over: whoever is still talking says so. */
  stop(): void {
    this.#finish('unfinished')
  }

  onData(chunk: Uint8Array): void {
    this.#recorded()
    const payload = this.#tls === undefined ? chunk : this.#receiveTls(this.#tls, chunk)
    if (payload === undefined) this.#nonsense('no TLS record')
    else if (payload.length > 0) this.#readFrames(payload)
    this.#dawdle()
  }

  onDrain(): void {
    this.#queue?.pump()
  }

  onEnd(): void {
    this.#queue?.end()
  }

  onClose(kind: CloseKind): void {
    const isWhole = this.#answered === this.plan.parts.length
    this.#finish(isWhole && kind === 'end' ? 'done' : `${kind} after ${this.#answered} answers`)
  }

  #open(connection: Connection): Handler {
    const { plan } = this
    this.#connection = connection
    this.#queue = new SendQueue(connection, WAITING_MAX_BYTES)
    const first = this.#tls === undefined ? this.#firstPlain() : this.#tls.hello.record
    const identity = this.#tls === undefined ? initIdentity(first) : helloIdentity(this.#tls, plan.tls?.stamp ?? 0)
    this.#recording = { talk: plan.talk, identity, first, second: new Uint8Array(0) }
    this.#ports.tell({ kind: 'speaks', address: connection.local, talk: plan.talk, identity })
    this.#trickle(concat(plan.proxyHeader ?? new Uint8Array(0), first), () => this.#sayMore())
    return this
  }

  #firstPlain(): Uint8Array {
    const init = this.#init ?? new Uint8Array(0)
    this.#init = undefined
    return this.plan.isInitAlone ? init : concat(init, this.#nextPart())
  }

  /** Writes in pieces, then goes on. A connection that ended meanwhile takes nothing. */
  #trickle(bytes: Uint8Array, then: () => void): void {
    const { trickleBytes } = this.plan
    const length = trickleBytes === 0 ? bytes.length : Math.min(bytes.length, trickleBytes)
    this.#queue?.push(bytes.slice(0, length))
    if (length === bytes.length) then()
    else this.#ports.world.after(TRICKLE_MS, () => this.#trickle(bytes.subarray(length), then))
  }

  #receiveTls(tls: FakeTlsClient, chunk: Uint8Array): Uint8Array | undefined {
    const before = tls.state
    const payload = tls.receive(chunk)
    if (before !== 'waiting') return payload
    if (tls.state === 'turned-away') this.#give('turned-away')
    if (tls.state === 'answered' && this.#recording !== undefined && this.#connection !== undefined) {
      const { identity } = this.#recording
      this.#ports.tell({ kind: 'answered', address: this.#connection.local, identity })
      this.#ports.world.after(this.plan.prewarmMs, () => this.#sayMore())
    }
    return payload
  }

  /** Sends what may be sent now. */
  #sayMore(): void {
    const { parts, ahead, ending } = this.plan
    if (this.#outcome !== undefined || (this.#tls !== undefined && this.#tls.state !== 'answered')) return
    while (this.#sent < parts.length && this.#sent - this.#answered < ahead) this.#send(this.#nextPart())
    if (this.#sent < parts.length) return
    if (ending === 'ends-early') this.#queue?.end()
    else if (this.#answered === parts.length) this.#ended()
  }

  #ended(): void {
    const { ending } = this.plan
    if (ending === 'client-ends') this.#queue?.end()
    else if (ending === 'resets') this.#give('done')
    else if (ending === 'stays') this.#outcome ??= 'stays'
  }

  #nextPart(): Uint8Array {
    const { framing } = this.plan
    const { random } = this.#ports
    const { quickAck } = this.plan.parts[this.#sent]
    const part = this.#part(this.#sent++)
    if (quickAck) this.#acks.push(quickAckOf(part))
    return this.#up.update(
      FRAMINGS[framing].writePacket(writePart(part, 'to-dc'), { side: 'client', random, quickAck }),
    )
  }

  #part(sequence: number): Part {
    const { talk, dc, parts, ending } = this.plan
    const { bytes, answerBytes } = parts[sequence]
    const endsDc = ending === 'dc-ends' && sequence === parts.length - 1
    return { talk, sequence, bytes, answerBytes, dc, endsDc }
  }

  #send(bytes: Uint8Array): void {
    const init = this.#init
    this.#init = undefined
    const whole = init === undefined ? bytes : concat(init, bytes)
    const wire = this.#tls === undefined ? whole : this.#tls.wrap(whole)
    if (this.#recording !== undefined && init !== undefined) this.#recording.second = wire
    this.#queue?.push(wire)
  }

  #readFrames(payload: Uint8Array): void {
    const verdict = this.#reader.push(this.#down.update(payload), (frame) => this.#takeFrame(frame))
    if (verdict === 'bad') this.#nonsense('bytes that are no frame')
  }

  #takeFrame(frame: Frame): void {
    if (this.#outcome !== undefined && this.#outcome !== 'stays') return
    if (frame.kind === 'quick-ack') {
      if (this.#acks.shift() !== (frame.token & 0x7fffffff)) this.#nonsense('a quick ack nobody asked for')
      return
    }
    const part = readPart(frame.payload, 'to-client')
    if (typeof part === 'string') this.#nonsense(part)
    else if (this.#answered >= this.#sent) this.#nonsense('an answer to nothing')
    else if (!isSamePart(part, answerTo(this.#part(this.#answered))))
      this.#nonsense('another answer than the next', part.sequence > this.#answered && part.talk === this.plan.talk)
    else {
      this.#answered++
      this.#sayMore()
    }
  }

  #dawdle(): void {
    const { random, world } = this.#ports
    const { slowOneIn } = this.plan
    if (slowOneIn === 0 || this.#pauses === PAUSES_MAX || !random.chance(1, slowOneIn)) return
    this.#pauses++
    this.#connection?.pause()
    world.after(random.between(1, PAUSE_MAX_MS), () => this.#connection?.resume())
  }

  #nonsense(what: string, isGap = false): void {
    if (this.#connection === undefined || this.#outcome !== undefined) return
    const name = `${this.plan.name}: ${what}`
    this.#ports.tell({ kind: 'nonsense-at-client', address: this.#connection.local, what: name, isGap })
    this.#give(what)
  }

  #give(outcome: string): void {
    this.#finish(outcome)
    this.#connection?.reset()
  }

  /**
   * Once, when something came back or never will: before that a replay could overtake what it repeats, and turn away the
   * client itself.
   */
  #recorded(): void {
    if (this.#isRecorded || this.#recording === undefined) return
    this.#isRecorded = true
    this.#ports.record(this.#recording)
  }

  #finish(outcome: string): void {
    this.#recorded()
    if (this.#outcome !== undefined && this.#outcome !== 'stays') return
    const { name, mustEndWell } = this.plan
    this.#outcome = this.#outcome === 'stays' ? 'done' : outcome
    this.#ports.tell({ kind: 'talked', name, mustEndWell, outcome: this.#outcome })
  }
}

function isSamePart(a: Part, b: Part): boolean {
  return a.talk === b.talk && a.sequence === b.sequence && a.bytes === b.bytes && a.dc === b.dc
}

export function initIdentity(wire: Uint8Array): Identity {
  return { name: hex(wire.subarray(8, 56)), isStamped: false }
}

function helloIdentity(tls: FakeTlsClient, stamp: number): Identity {
  return { name: hex(tls.hello.random.subarray(0, MAC_LENGTH)), isStamped: stamp >= BOOT_STAMP_MAX }
}

/** Below it a stamp is a time since boot (protocol.md, 4.3). */
const BOOT_STAMP_MAX = 86_400_000

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
