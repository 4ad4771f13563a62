import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** A collection takes up to some 100 ms of everybody's time. */
const COLLECT_EVERY_MS = 30_000

export interface MemoryGaugeOptions {
  readonly rssBytes: () => number
  readonly collect: () => void
  /** Monotonic milliseconds. */
  readonly mono: () => number
}

/**
 * Resident memory, with garbage told from what is in use where it matters: near a threshold garbage is collected before the
 * reading counts. A process that takes nobody in allocates little, and would else keep for ever what keeps it shut.
 */
export class MemoryGauge {
  readonly #options: MemoryGaugeOptions
  #collectedAt = -Infinity

  constructor(options: MemoryGaugeOptions = { rssBytes, collect: collectGarbage, mono: () => performance.now() }) {
    this.#options = options
  }

  /** Bytes. From `nearBytes` on garbage is collected first, once in a while. */
  read(nearBytes: number): number {
    const { rssBytes, collect, mono } = this.#options
    const bytes = rssBytes()
    if (bytes < nearBytes || mono() - this.#collectedAt < COLLECT_EVERY_MS) return bytes
    collect()
    this.#collectedAt = mono()
    return rssBytes()
  }
}

function rssBytes(): number {
  return process.memoryUsage.rss()
}

let collectOnNode: (() => void) | undefined

/** All of it, now. Node has no call for that but one behind a flag, which may be set at any time. */
function collectGarbage(): void {
  if (typeof Bun !== 'undefined') {
    Bun.gc(true)
    return
  }
  if (collectOnNode === undefined) {
    setFlagsFromString('--expose-gc')
    collectOnNode = runInNewContext('gc') as () => void
  }
  collectOnNode()
}
