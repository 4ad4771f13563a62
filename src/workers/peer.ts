import { LineReader } from './lines.ts'

/**
 * One end of a channel between two processes of ours: questions with answers, and notes without. Each message is a line of
 * JSON. Neither end trusts the other to be alive, or to be of its own version: what is not understood is answered so.
 *
 *   {"ask": NAME, "id": N, "args": ...}   {"id": N, "value": ...}   {"id": N, "why": TEXT}   {"tell": NAME, "args": ...}
 */

export type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly why: string }

/** Answers a question; what it throws is the answer's `why`. */
export type Service = (args: unknown) => unknown

export interface PeerOptions {
  /** Takes a line with its line feed, at once or a bit later. */
  readonly write: (line: string) => void
  /** Gives the channel up; `ended` follows or has come. */
  readonly close: () => void
  readonly services: Readonly<Record<string, Service>>
  readonly notes: Readonly<Record<string, (args: unknown) => void>>
  /** Once, when nothing comes any more. */
  readonly onEnd?: () => void
}

/** Questions that may wait for the other side; more fail at once. */
const ASKS_MAX = 4096
const GONE: Answer = { ok: false, why: 'the other process is gone' }

export class Peer {
  readonly #options: PeerOptions
  readonly #lines = new LineReader()
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #asked = 0
  #isOver = false

  constructor(options: PeerOptions) {
    this.#options = options
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Never rejects, never answers at once: without the other side the answer says so. */
  async ask(name: string, args: unknown = null): Promise<Answer> {
    if (this.#isOver) return GONE
    if (this.#waiting.size >= ASKS_MAX) return { ok: false, why: 'too many questions wait for an answer' }
    const id = ++this.#asked
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#send({ ask: name, id, args })
    })
  }

  tell(name: string, args: unknown = null): void {
    if (!this.#isOver) this.#send({ tell: name, args })
  }

  /** Bytes came; garbage ends the channel. */
  heard(chunk: Uint8Array): void {
    if (this.#isOver) return
    const lines = this.#lines.push(chunk)
    if (lines === undefined || !lines.every((line) => this.#heardLine(line))) this.end()
  }

  /** Every question that waits is answered; harmless when called again. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.close()
    for (const resolve of this.#waiting.values()) resolve(GONE)
    this.#waiting.clear()
    this.#options.onEnd?.()
  }

  #heardLine(line: string): boolean {
    const message = parse(line)
    if (message === undefined) return false
    if (typeof message.tell === 'string') own(this.#options.notes, message.tell)?.(message.args)
    else if (typeof message.id !== 'number') return false
    else if (typeof message.ask === 'string') void this.#serve(message.ask, message.id, message.args)
    else this.#answered(message.id, message)
    return true
  }

  async #serve(name: string, id: number, args: unknown): Promise<void> {
    const service = own(this.#options.services, name)
    try {
      if (service === undefined) throw new Error(`${name} is not known here`)
      const value = (await service(args)) ?? null
      if (!this.#isOver) this.#send({ id, value })
    } catch (error) {
      if (!this.#isOver) this.#send({ id, why: error instanceof Error ? error.message : String(error) })
    }
  }

  #answered(id: number, message: Message): void {
    const resolve = this.#waiting.get(id)
    this.#waiting.delete(id)
    const why = typeof message.why === 'string' ? message.why : 'the other process did not say why'
    resolve?.('value' in message ? { ok: true, value: message.value } : { ok: false, why })
  }

  #send(message: Message): void {
    this.#options.write(`${JSON.stringify(message)}\n`)
  }
}

interface Message {
  readonly ask?: unknown
  readonly tell?: unknown
  readonly id?: unknown
  readonly args?: unknown
  readonly value?: unknown
  readonly why?: unknown
}

function parse(line: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(line)
    return typeof message === 'object' && message !== null ? message : undefined
  } catch {
    return undefined
  }
}

/** Not what every object inherits: the name comes from outside. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}
