import { counted } from './figures.ts'

const WIDTH = 16

export interface Progress {
  readonly done: number
  readonly wanted: number
  readonly failed: number
  /** Since the start. */
  readonly elapsedMs: number
}

/** One line of at most 79 columns: `[####------------] 5 of 20 runs, 1 failed, about 40 s left`. */
export function progressLine({ done, wanted, failed, elapsedMs }: Progress): string {
  const filled = Math.floor((WIDTH * done) / wanted)
  const bar = '#'.repeat(filled) + '-'.repeat(WIDTH - filled)
  const failures = failed === 0 ? '' : `, ${failed} failed`
  return `[${bar}] ${done} of ${counted(wanted, 'run')}${failures}${leftOf(done, wanted, elapsedMs)}`
}

/** Nothing is known before the first is done. */
function leftOf(done: number, wanted: number, elapsedMs: number): string {
  if (done === 0 || done >= wanted) return ''
  const seconds = Math.ceil(((elapsedMs / done) * (wanted - done)) / 1000)
  return seconds < 100 ? `, about ${seconds} s left` : `, about ${Math.round(seconds / 60)} min left`
}
