/** How far some runs are. */
export interface Progress {
  /** What is counted, such as `seeds`. */
  readonly what: string
  readonly done: number
  /** In all, at most. */
  readonly of: number
  readonly elapsedMs: number
  /** The time after which none is begun. */
  readonly limitMs?: number | undefined
  readonly events?: number
  readonly failed: number
}

const BAR = 12

/** One line: a bar, how many, how fast, events, failures, and how long it will take. */
export function progressText(progress: Progress): string {
  const { what, done, of, elapsedMs, events, failed, limitMs } = progress
  const share = shareOf(progress)
  const filled = Math.round(share * BAR)
  const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR - filled)}]`
  const perSec = elapsedMs === 0 ? 0 : (done * 1000) / elapsedMs
  const left = share === 0 ? '' : `, ${timeText((elapsedMs / share) * (1 - share))} left`
  // By time alone there is no number that it will come to.
  const count = limitMs !== undefined && of >= Number.MAX_SAFE_INTEGER ? `${done}` : `${done} of ${of}`
  const eventsText = events === undefined ? '' : `, ${countText(events)} events`
  return `${bar} ${count} ${what}, ${perSec.toFixed(1)}/s${eventsText}, ${failed} failed${left}`
}

/** 0..1, by what ends first: the number or the time. */
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
