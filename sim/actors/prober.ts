import type { Address, Cancellable, CloseKind, Connection, Handler } from '../../src/core/ports.ts'
import { concat } from '../../src/core/protocol/bytes.ts'
import type { ProbeResult, Seen } from '../checkers/seen.ts'
import { SendQueue } from '../telegram/send-queue.ts'
import type { HostNetwork } from '../world/host.ts'
import type { World } from '../world/world.ts'
import type { Attack } from './attacks.ts'
import { answerLength, isAnswer } from './fake-tls.ts'

export interface ProberPorts {
  readonly world: World
  readonly host: HostNetwork
  readonly proxy: Address
  /** The site itself, for the same probe without a proxy; undefined when there is none. */
  readonly site: Address | undefined
  readonly tell: (seen: Seen) => void
}

const WAITING_MAX_BYTES = 4 << 20

/** Somebody who is no client, or claims to be another one: sends a script and remembers everything that comes back. */
export class Prober {
  readonly #attack: Attack
  readonly #ports: ProberPorts
  readonly #isCalm: boolean
  #proxy: Probe | undefined
  #address: Address | undefined
  #site: Probe | undefined

  constructor(attack: Attack, isCalm: boolean, ports: ProberPorts) {
    this.#attack = attack
    this.#isCalm = isCalm
    this.#ports = ports
  }

  start(): void {
    const { world, host, proxy, site, tell } = this.#ports
    const { name, isStranger, hello } = this.#attack
    this.#proxy = new Probe(world, this.#attack)
    this.#proxy.onOpen = (address) => {
      this.#address = address
      if (isStranger) tell({ kind: 'stranger', address, name })
      const { carries } = this.#attack
      if (carries !== undefined) tell({ kind: 'speaks', address, ...carries })
    }
    this.#proxy.onReceived = (received) => {
      if (hello === undefined) return
      const length = answerLength(received)
      if (length === undefined || length === 0) return
      if (!hello.keys.some((key) => isAnswer(received.subarray(0, length), hello.random, key))) return
      if (this.#proxy !== undefined) this.#proxy.onReceived = () => {}
      if (this.#address !== undefined) tell({ kind: 'answered', address: this.#address, identity: hello.identity })
    }
    this.#proxy.dial(host, proxy)
    if (site === undefined || this.#attack.expects !== 'mask') return
    this.#site = new Probe(world, this.#attack)
    this.#site.dial(host, site)
  }

  /** The run is over: says how it went. */
  stop(): void {
    if (this.#proxy === undefined) return
    const { name, expects, isTimed } = this.#attack
    this.#ports.tell({
      kind: 'probed',
      name,
      address: this.#address,
      expects,
      isTimed,
      isCalm: this.#isCalm,
      proxy: this.#proxy.result(),
      site: this.#site?.result(),
    })
  }
}

/** The script on one connection. */
class Probe implements Handler {
  onOpen: (address: Address) => void = () => {}
  onReceived: (received: Uint8Array) => void = () => {}
  readonly #world: World
  readonly #attack: Attack
  #queue: SendQueue | undefined
  #dial: Cancellable | undefined
  #received: Uint8Array = new Uint8Array(0)
  #closed: ProbeResult['closed'] = 'open'
  #hasEnded = false
  #hasSentAll = false
  #sentAt = 0
  #closedAt = 0

  constructor(world: World, attack: Attack) {
    this.#world = world
    this.#attack = attack
  }

  dial(host: HostNetwork, to: Address): void {
    this.#dial = host.dial(to, {
      onOpen: (connection) => {
        this.onOpen(connection.local)
        this.#queue = new SendQueue(connection, WAITING_MAX_BYTES)
        this.#sentAt = this.#world.now
        this.#say(connection, 0)
        return this
      },
      onFail: () => this.#close('reset'),
    })
  }

  result(): ProbeResult {
    this.#dial?.cancel()
    const until = this.#closed === 'open' && !this.#hasEnded ? this.#world.now : this.#closedAt
    // Who hears a FIN knows how this ends, whether or not it answers with its own.
    const closed = this.#closed === 'open' && this.#hasEnded ? 'end' : this.#closed
    return { received: this.#received, closed, tookMs: until - this.#sentAt, hasSentAll: this.#hasSentAll }
  }

  onData(chunk: Uint8Array): void {
    this.#received = concat(this.#received, chunk)
    this.onReceived(this.#received)
  }

  onDrain(): void {
    this.#queue?.pump()
  }

  onEnd(): void {
    this.#hasEnded = true
    this.#closedAt = this.#world.now
    this.#queue?.end()
  }

  onClose(kind: CloseKind): void {
    this.#close(kind)
  }

  #close(kind: CloseKind): void {
    if (!this.#hasEnded) this.#closedAt = this.#world.now
    this.#closed = kind
  }

  #say(connection: Connection, step: number): void {
    if (this.#closed !== 'open') return
    const { script, ending } = this.#attack
    if (step === script.length) {
      this.#hasSentAll = true
      this.#sentAt = this.#world.now
      if (ending === 'ends') this.#queue?.end()
      if (ending === 'resets') {
        connection.reset()
        this.#close('reset')
      }
      return
    }
    const { afterMs, bytes } = script[step]
    const send = () => {
      if (this.#closed !== 'open') return
      this.#queue?.push(bytes.slice())
      this.#say(connection, step + 1)
    }
    if (afterMs === 0) send()
    else this.#world.after(afterMs, send)
  }
}
