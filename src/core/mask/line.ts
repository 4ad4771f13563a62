import type { Address, Cancellable, CloseKind, Connection, Dialing, Handler, Network } from '../ports.ts'

type State =
  | { readonly name: 'dialing'; readonly dial: Cancellable; readonly taker: Dialing | undefined }
  | { readonly name: 'open'; readonly site: Connection; readonly ended: CloseKind | undefined }
  | { readonly name: 'over' }

/**
 * A connection to the mask host that is dialled as soon as a stranger comes, so that the site's own clock runs from then on:
 * whoever says nothing, or not all of it, is sent away when the site loses its patience. Nothing is said on it until it is taken.
 */
export class MaskLine implements Cancellable, Handler {
  readonly #target: Address
  readonly #onEnded: () => void
  #state: State

  /** `onEnded`: the site has left, or ended its direction, before anybody took the line. */
  constructor(network: Network, target: Address, onEnded: () => void) {
    this.#target = target
    this.#onEnded = onEnded
    const dial = network.dial(target, {
      onOpen: (site) => this.#opened(site),
      onFail: (why) => this.#taken()?.onFail(why),
    })
    this.#state = { name: 'dialing', dial, taker: undefined }
  }

  /** Whether it leads, or may yet lead, to that address. */
  isFor({ ip, port }: Address): boolean {
    return this.#state.name !== 'over' && this.#target.ip === ip && this.#target.port === port
  }

  /** As a dial made now would be, of which it may be told before this returns; what the site did meanwhile follows at once. */
  take(taker: Dialing): void {
    if (this.#state.name === 'dialing') this.#state = { ...this.#state, taker }
    if (this.#state.name !== 'open') return
    const { site, ended } = this.#state
    this.#state = { name: 'over' }
    const handler = taker.onOpen(site)
    site.handler = handler
    if (ended === 'end') handler.onEnd()
    if (ended === 'reset') handler.onClose(ended)
  }

  /** Nobody needs it. Harmless once it was taken and has opened. */
  cancel(): void {
    const state = this.#state
    this.#state = { name: 'over' }
    if (state.name === 'dialing') state.dial.cancel()
    if (state.name === 'open') state.site.close()
  }

  /** A site that speaks first does not speak TLS: it is dialled anew when it is needed. */
  onData(): void {
    this.cancel()
  }

  onDrain(): void {}

  onEnd(): void {
    this.#ended('end')
  }

  onClose(kind: CloseKind): void {
    this.#ended(kind)
  }

  #opened(site: Connection): Handler {
    const taker = this.#taken()
    if (taker !== undefined) return taker.onOpen(site)
    this.#state = { name: 'open', site, ended: undefined }
    return this
  }

  /** The dial is over: whoever waits for it is told. */
  #taken(): Dialing | undefined {
    const taker = this.#state.name === 'dialing' ? this.#state.taker : undefined
    this.#state = { name: 'over' }
    return taker
  }

  #ended(ended: CloseKind): void {
    if (this.#state.name !== 'open') return
    this.#state = { ...this.#state, ended }
    this.#onEnded()
  }
}
