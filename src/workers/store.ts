import type { Store } from '../core/ports.ts'
import type { Peer, Service } from './peer.ts'

/** The store of another process, over a channel; values travel as base64. A process that is gone answers with failure. */
export class RemoteStore implements Store {
  readonly #peer: Peer

  constructor(peer: Peer) {
    this.#peer = peer
  }

  get(key: string, reply: (value: Uint8Array | undefined) => void): void {
    void this.#peer.ask('store.get', { key }).then((answer) => {
      reply(answer.ok && typeof answer.value === 'string' ? fromBase64(answer.value) : undefined)
    })
  }

  put(key: string, value: Uint8Array, reply?: (isDurable: boolean) => void): void {
    void this.#peer
      .ask('store.put', { key, value: Buffer.from(value).toString('base64') })
      .then((answer) => reply?.(answer.ok && answer.value === true))
  }

  delete(key: string, reply?: (isDurable: boolean) => void): void {
    void this.#peer.ask('store.delete', { key }).then((answer) => reply?.(answer.ok && answer.value === true))
  }
}

/** Lets the other side of a channel use `store`. */
export function storeServices(store: Store): Readonly<Record<string, Service>> {
  return {
    'store.get': (args) =>
      new Promise((resolve) =>
        store.get(textOf(args, 'key'), (value) =>
          resolve(value === undefined ? null : Buffer.from(value).toString('base64')),
        ),
      ),
    'store.put': (args) =>
      new Promise((resolve) => store.put(textOf(args, 'key'), fromBase64(textOf(args, 'value')), resolve)),
    'store.delete': (args) => new Promise((resolve) => store.delete(textOf(args, 'key'), resolve)),
  }
}

function textOf(args: unknown, name: string): string {
  const found = (args as Readonly<Record<string, unknown>> | null)?.[name]
  if (typeof found !== 'string') throw new Error(`${name} is missing`)
  return found
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

/** Calls that may wait while no store is there; more fail. */
const WAITING_MAX = 1024

/** A store that can be changed under those who use it: between `hold` and `use` their calls wait. */
export class SwitchStore implements Store {
  #store: Store | undefined
  #waiting: ((store: Store | undefined) => void)[] = []

  hold(): void {
    this.#store = undefined
  }

  use(store: Store): void {
    this.#store = store
    const waiting = this.#waiting
    this.#waiting = []
    for (const call of waiting) call(store)
  }

  get(key: string, reply: (value: Uint8Array | undefined) => void): void {
    this.#call((store) => (store === undefined ? reply(undefined) : store.get(key, reply)))
  }

  put(key: string, value: Uint8Array, reply?: (isDurable: boolean) => void): void {
    // The caller may write over it while the call waits.
    const kept = this.#store === undefined ? value.slice() : value
    this.#call((store) => (store === undefined ? reply?.(false) : store.put(key, kept, reply)))
  }

  delete(key: string, reply?: (isDurable: boolean) => void): void {
    this.#call((store) => (store === undefined ? reply?.(false) : store.delete(key, reply)))
  }

  #call(call: (store: Store | undefined) => void): void {
    if (this.#store !== undefined) call(this.#store)
    else if (this.#waiting.length < WAITING_MAX) this.#waiting.push(call)
    else void Promise.resolve(undefined).then(call)
  }
}
