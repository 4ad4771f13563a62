import type { CloseKind, Handler, Random } from '../../../src/core/ports.ts'

/** What is added to every line, ms: each way, and now and then, at most. */
export interface Slowness {
  readonly latencyMs: number
  readonly stallMs: number
}

/** As in the simulator. */
const STALL_ONE_IN = 20

/**
 * The lines of the proxy's machine as we can slow them, who are at the other end of nearly all: what it sends is heard so much later as
 * it would take there and back. What it sends to its mask host goes its own way, and connecting takes no longer.
 */
export class SlowLines {
  /** Undefined: as fast as they are. */
  slow: Slowness | undefined
  readonly now: () => number
  readonly #random: Pick<Random, 'below'>

  /** `now`: real milliseconds. */
  constructor(now: () => number, random: Pick<Random, 'below'>) {
    this.now = now
    this.#random = random
  }

  /** For the handler of a connection that stays its owner. */
  late(handler: Handler): Handler {
    return new LateHandler(this, handler)
  }

  /** For what has just arrived. */
  delayMs(): number {
    if (this.slow === undefined) return 0
    const { latencyMs, stallMs } = this.slow
    const isStalled = stallMs > 0 && this.#random.below(STALL_ONE_IN) === 0
    return 2 * latencyMs + (isStalled ? 1 + this.#random.below(stallMs) : 0)
  }
}

class LateHandler implements Handler {
  readonly #lines: SlowLines
  readonly #handler: Handler
  /** What has arrived and is not heard yet, in order; a timer waits for the first. */
  readonly #waiting: { readonly dueAt: number; readonly hear: () => void }[] = []

  constructor(lines: SlowLines, handler: Handler) {
    this.#lines = lines
    this.#handler = handler
  }

  onData(chunk: Uint8Array): void {
    const delayMs = this.#lines.delayMs()
    if (delayMs === 0 && this.#waiting.length === 0) {
      this.#handler.onData(chunk)
      return
    }
    const copy = chunk.slice()
    this.#wait(delayMs, () => this.#handler.onData(copy))
  }

  onDrain(): void {
    this.#handler.onDrain()
  }

  onEnd(): void {
    this.#wait(this.#lines.delayMs(), () => this.#handler.onEnd())
  }

  onClose(kind: CloseKind): void {
    this.#wait(this.#lines.delayMs(), () => this.#handler.onClose(kind))
  }

  /** Nothing overtakes what came before it. */
  #wait(delayMs: number, hear: () => void): void {
    if (delayMs === 0 && this.#waiting.length === 0) return hear()
    this.#waiting.push({ dueAt: this.#lines.now() + delayMs, hear })
    if (this.#waiting.length === 1) this.#schedule()
  }

  #schedule(): void {
    const [next] = this.#waiting
    // Nobody stays for what is heard when all is over.
    setTimeout(() => this.#hear(), Math.max(0, next.dueAt - this.#lines.now())).unref()
  }

  #hear(): void {
    while (this.#waiting.length > 0 && this.#waiting[0].dueAt <= this.#lines.now()) this.#waiting.shift()?.hear()
    if (this.#waiting.length > 0) this.#schedule()
  }
}
