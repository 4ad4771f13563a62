import type { SecretId, Vault } from '../../core/ports.ts'
import { emptyFrame, foundFrame, macFrame, randomAnswer } from './answers.ts'
import { FrameReader } from './frames.ts'
import { readRequest, type Request } from './requests.ts'

/** A vault that takes secrets by their labels. */
export interface LabelVault extends Vault {
  put(id: SecretId, label: string): void
  remove(id: SecretId): void
}

/** Of one process of the proxy; a configuration has at most 10,000 secrets, and a reload may name as many new ones. */
export const IDS_MAX = 20_000

interface Shared {
  readonly id: SecretId
  /** How many ids of all askers stand for it. */
  users: number
}

/** The labels in use, each once for all who ask for it. */
export class LabelBook {
  readonly #vault: LabelVault
  readonly #shared = new Map<string, Shared>()
  #last: SecretId = 0

  constructor(vault: LabelVault) {
    this.#vault = vault
  }

  /** The vault's id of that label, which is looked for again each time. */
  use(label: string): SecretId {
    let shared = this.#shared.get(label)
    if (shared === undefined) {
      shared = { id: ++this.#last, users: 0 }
      this.#shared.set(label, shared)
    }
    shared.users++
    this.#vault.put(shared.id, label)
    return shared.id
  }

  forget(label: string): void {
    const shared = this.#shared.get(label)
    if (shared === undefined || --shared.users > 0) return
    this.#shared.delete(label)
    this.#vault.remove(shared.id)
  }
}

export interface DeskOptions {
  readonly vault: LabelVault
  readonly book: LabelBook
  /** Monotonic ms of the machine. */
  readonly now: () => number
  /** Of the token's generator; undefined where it gives none. */
  readonly random: (count: number) => Uint8Array | undefined
  /** The asker wants to know of troubles. */
  readonly onListen: () => void
  /** Takes a whole frame; harmless when nobody listens any more. */
  readonly write: (frame: Uint8Array) => void
}

interface Known {
  readonly label: string
  readonly id: SecretId
}

/** The helper's side of one connection: hears frames, asks the vault, answers. */
export class HelperDesk {
  readonly #options: DeskOptions
  readonly #reader = new FrameReader()
  /** By the asker's ids. */
  readonly #known = new Map<SecretId, Known>()

  constructor(options: DeskOptions) {
    this.#options = options
  }

  /** False: that was no asker of ours, and is to be cut off. */
  heard(chunk: Uint8Array): boolean {
    return this.#reader.push(chunk, (frame) => {
      const request = readRequest(frame)
      return request !== undefined && this.#serve(request)
    })
  }

  /** The asker is gone. */
  close(): void {
    for (const { label } of this.#known.values()) this.#options.book.forget(label)
    this.#known.clear()
  }

  #serve(request: Request): boolean {
    switch (request.kind) {
      case 'listen':
        this.#options.onListen()
        return true
      case 'use':
        return this.#use(request.id, request.label)
      case 'forget':
        this.#forget(request.id)
        return true
      case 'match':
        this.#match(request)
        return true
      case 'sign':
        this.#sign(request)
        return true
      case 'random':
        this.#random(request)
        return true
    }
  }

  #use(id: SecretId, label: string): boolean {
    const before = this.#known.get(id)
    if (before === undefined && this.#known.size >= IDS_MAX) return false
    const { book } = this.#options
    // The new one first: a label that stays must not be forgotten in between.
    this.#known.set(id, { label, id: book.use(label) })
    if (before !== undefined) book.forget(before.label)
    return true
  }

  #forget(id: SecretId): void {
    const before = this.#known.get(id)
    if (before === undefined) return
    this.#known.delete(id)
    this.#options.book.forget(before.label)
  }

  #match({ ask, until, hello, candidates }: Request & { readonly kind: 'match' }): void {
    const { vault, write } = this.#options
    if (this.#isLate(until)) return write(emptyFrame('failed', ask, 0))
    const ids: SecretId[] = []
    const places: number[] = []
    for (const [place, candidate] of candidates.entries()) {
      const known = this.#known.get(candidate)
      if (known === undefined) continue
      ids.push(known.id)
      places.push(place)
    }
    vault.match(hello, ids, (match, trials) => {
      if (match === undefined) write(emptyFrame('none', ask, trials))
      else if (match === 'failed') write(emptyFrame('failed', ask, trials))
      else write(foundFrame(ask, trials, places[ids.indexOf(match.id)], match))
    })
  }

  #sign({ ask, until, key, data }: Request & { readonly kind: 'sign' }): void {
    const { vault, write } = this.#options
    const known = this.#known.get(key.id)
    if (known === undefined || this.#isLate(until)) return write(emptyFrame('none', ask, 0))
    vault.sign({ id: known.id, generation: key.generation }, [data], (mac) =>
      write(mac === undefined ? emptyFrame('failed', ask, 0) : macFrame(ask, mac)),
    )
  }

  #random({ ask, until, count }: Request & { readonly kind: 'random' }): void {
    const bytes = this.#isLate(until) ? undefined : this.#options.random(count)
    this.#options.write(bytes === undefined ? emptyFrame('failed', ask, 0) : randomAnswer(ask, bytes))
  }

  /** Nobody waits for it any more: a token that is behind must not fall further behind by work for nothing. */
  #isLate(until: number): boolean {
    return this.#options.now() >= until
  }
}
