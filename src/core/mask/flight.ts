import { createHash } from 'node:crypto'
import type { Emit } from '../events.ts'
import { CallbackTimer, type TimerWheel } from '../memory/wheel.ts'
import type { Address, Cancellable, Clock, Connection, Handler, Network, Random, Store } from '../ports.ts'
import { concat, read16, write16 } from '../protocol/bytes.ts'
import { makeClientHello } from '../protocol/faketls/make-hello.ts'
import {
  FLIGHT_MAX_BYTES,
  FLIGHT_MIN_BYTES,
  readServerFlight,
  type FlightShape,
} from '../protocol/faketls/server-hello.ts'
import { RECORD_HEADER } from '../protocol/faketls/tls.ts'
import type { Settings } from '../settings.ts'
import type { MaskTargets } from './targets.ts'

const DAY_MS = 24 * 3_600_000
const FIRST_RETRY_MS = 60_000
const LAST_RETRY_MS = 3_600_000
/** The whole look at a server, and the silence after which its flight counts as over. */
const LOOK_MS = 5_000
const SILENCE_MS = 300
/** More than any certificate chain. */
const SEEN_MAX_BYTES = 64 << 10
const KEY_SHARE = 0x33
const SUPPORTED_VERSIONS = 0x2b
const USUAL_ORDER = [KEY_SHARE, SUPPORTED_VERSIONS]
/** Sizes of a usual site's flight (certificate chain, proof, finished), for a host that was never seen. */
const FALLBACK_BYTES = { from: 2500, spread: 1120 }

export interface LearnerOptions {
  readonly network: Network
  readonly clock: Clock
  readonly random: Random
  readonly wheel: TimerWheel
  readonly store: Store
  readonly emit: Emit
  readonly settings: () => Settings
  readonly targets: MaskTargets
}

interface Domain {
  shape: FlightShape | undefined
  /** Monotonic ms. */
  nextLookAt: number
  failures: number
  look: Look | undefined
}

/**
 * How the real server of each domain answers a hello, seen by a hello of our own that is never finished: at start, daily,
 * and from the store while the server is out of reach. Our ServerHellos copy it: cipher, order of extensions, and the size
 * of everything encrypted in one record. The size does not vary: a server's own varies by a byte or two of its signature.
 */
export class FlightLearner {
  readonly #options: LearnerOptions
  /** Only domains of the configuration. */
  readonly #domains = new Map<string, Domain>()
  readonly #timer = new CallbackTimer(() => this.#lookAtDue())
  #isClosed = false

  constructor(options: LearnerOptions) {
    this.#options = options
  }

  /** Always answers: what was learnt, or what is usual. */
  shapeFor(domain: string): FlightShape {
    return this.#domains.get(domain)?.shape ?? fallbackFor(domain)
  }

  /** Takes up domains that are new in the settings, drops those that are gone. */
  refresh(): void {
    const { clock, settings, store } = this.#options
    const configured = new Set(settings().secrets.map((secret) => secret.domain))
    configured.delete('')
    for (const [name, domain] of this.#domains) {
      if (configured.has(name)) continue
      domain.look?.cancel()
      this.#domains.delete(name)
    }
    for (const name of configured) {
      if (this.#domains.has(name)) continue
      // The resolver gets a moment, so that the first look is not in vain.
      const domain: Domain = { shape: undefined, nextLookAt: clock.mono() + 1_000, failures: 0, look: undefined }
      this.#domains.set(name, domain)
      store.get(keyOf(name), (value) => {
        if (value !== undefined) domain.shape ??= decodeShape(value)
      })
    }
    this.#arm()
  }

  close(): void {
    this.#isClosed = true
    this.#options.wheel.disarm(this.#timer)
    for (const domain of this.#domains.values()) domain.look?.cancel()
  }

  #lookAtDue(): void {
    const now = this.#options.clock.mono()
    for (const [name, domain] of this.#domains) {
      if (domain.nextLookAt <= now && domain.look === undefined) this.#lookAt(name, domain)
    }
    this.#arm()
  }

  #lookAt(name: string, domain: Domain): void {
    const { settings, targets } = this.#options
    const target = targets.addressOf(settings().mask.host === '' ? name : settings().mask.host)
    if (target === undefined) {
      this.#failed(name, domain, 'no address')
      return
    }
    domain.look = new Look(this.#options, target, name, {
      learnt: (shape) => this.#learnt(name, domain, shape),
      failed: (why) => this.#failed(name, domain, why),
    })
    domain.look.start()
  }

  #learnt(name: string, domain: Domain, shape: FlightShape): void {
    const { clock, emit, random, store } = this.#options
    domain.look = undefined
    domain.shape = shape
    domain.failures = 0
    domain.nextLookAt = clock.mono() + DAY_MS + random.below(DAY_MS / 4)
    store.put(keyOf(name), encodeShape(shape))
    emit({ kind: 'mask-learnt', domain: name, flightBytes: shape.recordBytes })
    this.#arm()
  }

  #failed(name: string, domain: Domain, why: string): void {
    const { clock, emit, random } = this.#options
    domain.look = undefined
    const pause = Math.min(FIRST_RETRY_MS << Math.min(domain.failures, 6), LAST_RETRY_MS)
    domain.failures++
    domain.nextLookAt = clock.mono() + pause + random.below(pause / 4)
    emit({ kind: 'mask-unreachable', domain: name, why })
    this.#arm()
  }

  #arm(): void {
    if (this.#isClosed) return
    let earliest: number | undefined
    for (const domain of this.#domains.values()) {
      if (domain.look !== undefined) continue
      if (earliest === undefined || domain.nextLookAt < earliest) earliest = domain.nextLookAt
    }
    if (earliest !== undefined) this.#options.wheel.arm(this.#timer, earliest)
  }
}

interface LookResult {
  learnt(shape: FlightShape): void
  failed(why: string): void
}

/** One look at a server. */
class Look implements Handler, Cancellable {
  readonly #options: LearnerOptions
  readonly #target: Address
  readonly #domain: string
  readonly #result: LookResult
  readonly #timer = new CallbackTimer(() => this.#finish('no answer'))
  #dial: Cancellable | undefined
  #connection: Connection | undefined
  #seen: Uint8Array = new Uint8Array(0)
  #deadline = 0
  #isOver = false

  constructor(options: LearnerOptions, target: Address, domain: string, result: LookResult) {
    this.#options = options
    this.#target = target
    this.#domain = domain
    this.#result = result
  }

  start(): void {
    const { clock, network, wheel } = this.#options
    this.#deadline = clock.mono() + LOOK_MS
    wheel.arm(this.#timer, this.#deadline)
    this.#dial = network.dial(this.#target, {
      onOpen: (connection) => {
        this.#connection = connection
        this.#sayHello(connection)
        return this
      },
      onFail: (why) => this.#finish(why),
    })
  }

  cancel(): void {
    this.#isOver = true
    this.#options.wheel.disarm(this.#timer)
    this.#dial?.cancel()
    this.#connection?.close()
  }

  onData(chunk: Uint8Array): void {
    const { clock, wheel } = this.#options
    this.#seen = concat(this.#seen, chunk)
    if (this.#seen.length > SEEN_MAX_BYTES) this.#finish('too much')
    else if (!this.#isOver) wheel.arm(this.#timer, Math.min(this.#deadline, clock.mono() + SILENCE_MS))
  }

  onDrain(): void {}

  onEnd(): void {
    this.#finish('ended')
  }

  onClose(): void {
    this.#finish('reset')
  }

  /** A hello like our clients': two kilobytes always fit into a fresh socket's buffer. */
  #sayHello(connection: Connection): void {
    const { clock, random } = this.#options
    const privateKey = random.fill(new Uint8Array(32))
    connection.write(makeClientHello({ random, domain: this.#domain, stamp: clock.wall(), privateKey }).record)
  }

  #finish(why: string): void {
    if (this.#isOver) return
    this.cancel()
    const flight = readServerFlight(this.#seen)
    if (flight.state !== 'flight') this.#result.failed(flight.state === 'bad' ? 'no TLS server' : why)
    else if (!flight.isTls13 || flight.isRetryRequest) this.#result.failed('its answer can not be imitated')
    else if (flight.recordBytes.length === 0 || flight.isMidRecord) this.#result.failed('half an answer')
    else this.#result.learnt(shapeOf(flight))
  }
}

function shapeOf(flight: {
  cipherSuite: number
  extensionOrder: readonly number[]
  recordBytes: readonly number[]
}): FlightShape {
  // Several records become one: the bytes on the wire stay as many, less the headers that are left out.
  const onWire = flight.recordBytes.reduce((sum, length) => sum + length + RECORD_HEADER, 0)
  const order = flight.extensionOrder.filter((type) => USUAL_ORDER.includes(type))
  return {
    cipherSuite: flight.cipherSuite,
    extensionOrder: order.length === USUAL_ORDER.length ? order : USUAL_ORDER,
    recordBytes: Math.min(Math.max(onWire - RECORD_HEADER, FLIGHT_MIN_BYTES), FLIGHT_MAX_BYTES),
  }
}

/** Steady for a domain over restarts: a size that changed with them would be worse than one that is merely not known. */
function fallbackFor(domain: string): FlightShape {
  const digest = createHash('sha256').update(domain).digest()
  const recordBytes = FALLBACK_BYTES.from + (read16(digest, 0) % FALLBACK_BYTES.spread)
  return { cipherSuite: undefined, extensionOrder: USUAL_ORDER, recordBytes }
}

function keyOf(domain: string): string {
  return `flight/${domain}`
}

/** cipher(2) | size(2) | first extension(2), all BE. */
function encodeShape(shape: FlightShape): Uint8Array {
  const bytes = new Uint8Array(6)
  write16(bytes, 0, shape.cipherSuite ?? 0)
  write16(bytes, 2, shape.recordBytes)
  write16(bytes, 4, shape.extensionOrder[0])
  return bytes
}

function decodeShape(bytes: Uint8Array): FlightShape | undefined {
  if (bytes.length !== 6) return undefined
  const recordBytes = read16(bytes, 2)
  if (recordBytes < FLIGHT_MIN_BYTES || recordBytes > FLIGHT_MAX_BYTES) return undefined
  const order = read16(bytes, 4) === SUPPORTED_VERSIONS ? [SUPPORTED_VERSIONS, KEY_SHARE] : USUAL_ORDER
  return { cipherSuite: read16(bytes, 0) || undefined, extensionOrder: order, recordBytes }
}
