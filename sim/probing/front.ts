import type { Address, Cancellable, CloseKind, Connection, Handler } from '../../src/core/ports.ts'
import { SendQueue } from '../telegram/send-queue.ts'
import type { HostNetwork } from '../world/host.ts'
import type { World } from '../world/world.ts'

const WAITING_MAX_BYTES = 4 << 20

/**
 * A web site's own front: dials the server behind it, passes everything on, and decides nothing. One that is late takes as long
 * again for a visitor's first bytes as that dial did, which is what any proxy costs that reads them before it dials.
 */
export class Front {
  readonly #world: World
  readonly #host: HostNetwork
  readonly #site: Address
  readonly #isLate: boolean

  constructor(world: World, host: HostNetwork, site: Address, isLate: boolean) {
    this.#world = world
    this.#host = host
    this.#site = site
    this.#isLate = isLate
  }

  readonly accept = (client: Connection): Handler =>
    new FrontConnection(this.#world, this.#host, this.#site, client, this.#isLate)
}

class FrontConnection implements Handler {
  readonly #world: World
  readonly #toClient: SendQueue
  readonly #client: Connection
  #site: Connection | undefined
  #toSite: SendQueue | undefined
  readonly #dial: Cancellable
  readonly #isLate: boolean
  readonly #dialledAt: number
  #dialMs = 0
  /** What happens towards the site, in order, each as late as the first. */
  readonly #early: (() => void)[] = []
  #state: 'fresh' | 'held' | 'passing' = 'fresh'
  #isOver = false

  constructor(world: World, host: HostNetwork, site: Address, client: Connection, isLate: boolean) {
    this.#world = world
    this.#client = client
    this.#isLate = isLate
    this.#dialledAt = world.now
    this.#toClient = new SendQueue(client, WAITING_MAX_BYTES)
    this.#dial = host.dial(site, {
      onOpen: (connection) => this.#opened(connection),
      onFail: () => client.reset(),
    })
  }

  onData(chunk: Uint8Array): void {
    const bytes = chunk.slice()
    this.#pass(() => this.#toSite?.push(bytes))
  }

  onDrain(): void {
    this.#toClient.pump()
  }

  onEnd(): void {
    this.#pass(() => this.#toSite?.end())
  }

  onClose(kind: CloseKind): void {
    this.#isOver = true
    this.#dial.cancel()
    if (kind === 'reset') this.#site?.reset()
  }

  #opened(site: Connection): Handler {
    this.#site = site
    this.#toSite = new SendQueue(site, WAITING_MAX_BYTES)
    this.#dialMs = this.#isLate ? this.#world.now - this.#dialledAt : 0
    this.#hold()
    return {
      onData: (chunk) => this.#toClient.push(chunk.slice()),
      onDrain: () => this.#toSite?.pump(),
      onEnd: () => this.#toClient.end(),
      onClose: (kind) => {
        if (kind === 'reset') this.#client.reset()
      },
    }
  }

  #pass(step: () => void): void {
    if (this.#state === 'passing') step()
    else {
      this.#early.push(step)
      this.#hold()
    }
  }

  /** From the first step on, and once it is known how long a dial takes. */
  #hold(): void {
    if (this.#state !== 'fresh' || this.#toSite === undefined || this.#early.length === 0) return
    this.#state = 'held'
    this.#world.after(this.#dialMs, () => {
      this.#state = 'passing'
      if (!this.#isOver) for (const step of this.#early.splice(0)) step()
    })
  }
}
