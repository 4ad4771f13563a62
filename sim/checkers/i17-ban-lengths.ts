import type { MakeChecker } from './index.ts'

interface Past {
  readonly times: number
  readonly forMs: number
  /** Virtual ms. */
  readonly until: number
}

const TIMES_MAX = 255
const SLACK_MS = 500

/** I17: each ban of a source is longer than the one before until the longest, never made while one lasts, and forgotten in the end. */
export const checkBanLengths: MakeChecker = (scene, fail) => {
  const pasts = new Map<string, Past>()
  return {
    onEvent(event) {
      const { now } = scene.world
      if (event.kind === 'unbanned') pasts.delete(event.prefix)
      if (event.kind !== 'banned') return
      const { prefix, times, forMs, reason } = event
      const past = pasts.get(prefix)
      pasts.set(prefix, { times, forMs, until: now + forMs })
      if (reason === 'by-hand') return
      const { blockForMs, blockMaxMs } = scene.settings.guard
      const least = Math.min(blockForMs, blockMaxMs)
      if (forMs < least || forMs > blockMaxMs) fail(`${prefix} is banned for ${forMs} ms, of ${least} to ${blockMaxMs}`)
      if (past === undefined) return
      if (past.until - SLACK_MS > now) fail(`${prefix} is banned again, ${past.until - now} ms before its ban is over`)
      const quietMs = now - past.until
      if (quietMs > blockMaxMs + SLACK_MS && times !== 1)
        fail(`${prefix} has ban ${times} though it was good for ${quietMs} ms`)
      if (quietMs > blockMaxMs - SLACK_MS) return
      if (times !== Math.min(TIMES_MAX, past.times + 1)) fail(`${prefix} has ban ${times} behind ban ${past.times}`)
      if (forMs < Math.min(past.forMs, blockMaxMs)) fail(`${prefix} is banned for ${forMs} ms, after ${past.forMs}`)
    },
    onCrash(how) {
      if (how === 'power-cut') pasts.clear()
    },
  }
}
