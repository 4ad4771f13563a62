import type { CheckInput, Finding } from './finding.ts'

/** A machine that lost its clock starts in 1970, or at the build date of its image: before this program was written. */
const WRITTEN_AT = 1_760_000_000
const LIFETIME_SEC = 20 * 365 * 86_400

/** Whether the wall clock can be true at all. How far it is from the mask host's is told by the check of the mask. */
export function checkClock({ wallSec }: CheckInput): Promise<readonly Finding[]> {
  const shown = new Date(wallSec * 1000).toISOString().slice(0, 19)
  const isPlausible = wallSec > WRITTEN_AT && wallSec < WRITTEN_AT + LIFETIME_SEC
  if (isPlausible) return Promise.resolve([{ level: 'ok', check: 'clock', message: `${shown}Z` }])
  const message = `${shown}Z cannot be right: fake-TLS clients would be taken for strangers; set up NTP`
  return Promise.resolve([{ level: 'fail', check: 'clock', message }])
}
