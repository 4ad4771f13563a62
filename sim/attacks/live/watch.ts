import type { Bans } from '../../../src/admin/bans.ts'
import { readSamples, total, type Samples } from '../../demo/readings.ts'
import type { Tally } from '../tally.ts'

const EVERY_MS = 500
const ANSWER_MS = 5_000
const PAGE_MAX_BYTES = 4 << 20

/** How one of our own proxies is asked, which others cannot be. */
export interface Insight {
  bans(): Promise<Bans>
  /** Where its metrics page is, as `HOST:PORT`; empty: it has none. */
  readonly metrics: string
}

/** What is known of the proxy itself; undefined: its metrics page is off. */
export interface Inside {
  readonly trials: number
  readonly faults: number
  readonly poolBytes: number
}

/** What the metrics page says of the proxy at one time: since its start, and now. */
export interface Look {
  readonly trials: number
  /** CPU time of all its processes. */
  readonly cpuSec: number
  readonly bufferBytes: number
  /** Resident, of all its processes. */
  readonly memoryBytes: number
}

/** Looks at the proxy under test from inside, now and then: bans and alarms go into the tally as they are seen. */
export class Watch {
  readonly #insight: Insight
  readonly #tally: Tally
  #nowMs: () => number = () => 0
  #onLook: (look: Look) => void = () => {}
  readonly #known = new Set<string>()
  readonly #before: Samples | undefined
  #alarms: ReadonlyMap<string, number>
  #isOver = false
  #looking = Promise.resolve()

  private constructor(insight: Insight, tally: Tally, before: Samples | undefined, bans: Bans) {
    this.#insight = insight
    this.#tally = tally
    this.#before = before
    this.#alarms = alarmsOf(before)
    for (const { prefix } of bans.rows) this.#known.add(prefix)
  }

  /** Rejects with one line when the proxy does not answer. What was banned before is nobody's matter. */
  static async begin(insight: Insight, tally: Tally): Promise<Watch> {
    return new Watch(insight, tally, await page(insight), await insight.bans())
  }

  /** From now on until `end`, by the time of the plan; `onLook` is told where there are metrics. */
  keepLooking(nowMs: () => number, onLook: (look: Look) => void): void {
    this.#nowMs = nowMs
    this.#onLook = onLook
    this.#looking = this.#keepLooking()
  }

  /** A last look, and what it comes to. Rejects with one line when the proxy does not answer. */
  async end(): Promise<{ readonly inside: Inside | undefined }> {
    this.#isOver = true
    await this.#looking
    const now = await this.#look()
    const before = this.#before
    if (now === undefined || before === undefined) return { inside: undefined }
    const since = (name: string) => total(now, name) - total(before, name)
    return {
      inside: {
        trials: since('palisade_trials_total'),
        faults: since('palisade_faults_total'),
        poolBytes: total(now, 'palisade_buffer_high_water_bytes'),
      },
    }
  }

  async #keepLooking(): Promise<void> {
    while (!this.#isOver) {
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
      // One look that fails, as under a flood it may, is made up for by the next.
      if (!this.#isOver) await this.#look().catch(() => {})
    }
  }

  async #look(): Promise<Samples | undefined> {
    const [samples, bans] = await Promise.all([page(this.#insight), this.#insight.bans()])
    const atMs = this.#nowMs()
    for (const { prefix, reason } of bans.rows) {
      if (this.#known.has(prefix)) continue
      this.#known.add(prefix)
      this.#tally.bans.push({ atMs, prefix, reason })
    }
    const alarms = alarmsOf(samples)
    for (const [what, count] of alarms)
      for (let known = this.#alarms.get(what) ?? 0; known < count; known++) this.#tally.alarms.push({ atMs, what })
    this.#alarms = alarms
    if (samples !== undefined) this.#onLook(lookOf(samples))
    return samples
  }
}

function lookOf(samples: Samples): Look {
  return {
    trials: total(samples, 'palisade_trials_total'),
    cpuSec: total(samples, 'palisade_cpu_seconds_total'),
    bufferBytes: total(samples, 'palisade_buffer_bytes'),
    memoryBytes: total(samples, 'palisade_memory_bytes', 'kind="rss"'),
  }
}

/** By detector. */
function alarmsOf(samples: Samples = new Map()): ReadonlyMap<string, number> {
  const alarms = new Map<string, number>()
  for (const [key, count] of samples) {
    const [, detector] = /^palisade_attacks_total\{detector="([^"]*)"\}$/.exec(key) ?? []
    if (detector !== undefined) alarms.set(detector, count)
  }
  return alarms
}

async function page({ metrics }: Insight): Promise<Samples | undefined> {
  if (metrics === '') return undefined
  const response = await fetch(`http://${metrics}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) })
  const text = await response.text()
  return readSamples(text.slice(0, PAGE_MAX_BYTES))
}
