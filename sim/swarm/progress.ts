/** How far some runs are. */
export interface Progress {
  readonly done: number
  /** Seeds in all, at most. */
  readonly of: number
  readonly elapsedMs: number
  /** The time after which no seed is begun; undefined: none. */
  readonly limitMs: number | undefined
  readonly events: number
  readonly failed: number
}

const BAR = 12
const COLUMNS = 80
const EVERY_MS = { terminal: 1_000, log: 10_000 }
const CLEAR_LINE = '\r\x1b[K'

/** One line: a bar, seeds, how fast, events, failures, and how long it will take. */
export function progressText(progress: Progress): string {
  const { done, of, elapsedMs, events, failed, limitMs } = progress
  const share = shareOf(progress)
  const filled = Math.round(share * BAR)
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR - filled)}]`
  const perSec = elapsedMs === 0 ? 0 : (done * 1000) / elapsedMs
  const left = share === 0 ? '' : `, ${timeText((elapsedMs / share) * (1 - share))} left`
  // By time alone there is no number of seeds that it will come to.
  const seeds = limitMs !== undefined && of >= Number.MAX_SAFE_INTEGER ? `${done}` : `${done} of ${of}`
  return `${bar} ${seeds} seeds, ${perSec.toFixed(1)}/s, ${countText(events)} events, ${failed} failed${left}`
}

/** 0..1, by what ends first: the seeds or the time. */
function shareOf({ done, of, elapsedMs, limitMs }: Progress): number {
  return Math.min(1, Math.max(done / of, limitMs === undefined ? 0 : elapsedMs / limitMs))
}

function timeText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m ${seconds % 60}s`
}

function countText(count: number): string {
  if (count < 10_000) return String(count)
  return count < 10_000_000 ? `${Math.round(count / 1000)} k` : `${(count / 1e6).toFixed(1)} M`
}

/** Tells of progress on stderr until `end`: one line that changes on a terminal, a line now and then elsewhere. */
export class ProgressLine {
  readonly #read: () => Progress
  readonly #isTerminal = process.stderr.isTTY === true
  readonly #timer: NodeJS.Timeout

  constructor(read: () => Progress) {
    this.#read = read
    this.#timer = setInterval(() => this.#show(), this.#isTerminal ? EVERY_MS.terminal : EVERY_MS.log)
  }

  /** Takes the line away, so that something else can be written. */
  clear(): void {
    if (this.#isTerminal) process.stderr.write(CLEAR_LINE)
  }

  end(): void {
    clearInterval(this.#timer)
    this.clear()
  }

  #show(): void {
    const text = progressText(this.#read())
    // A terminal that does not know its width says 0.
    const columns = process.stderr.columns || COLUMNS
    process.stderr.write(this.#isTerminal ? `${CLEAR_LINE}${text.slice(0, columns - 1)}` : `${text}\n`)
  }
}
