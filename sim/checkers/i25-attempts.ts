import { keyOf } from './ledger.ts'
import type { MakeChecker } from './index.ts'

/** Pauses between attempts at what fails, at least (core/telegram/backoff.ts says by how much they may be longer). */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]

interface Outage {
  readonly since: number
  attempts: number
}

/** I25: attempts per failed endpoint are bounded, for each process: from its first failure until it is back. */
export const checkAttempts: MakeChecker = (scene, fail) => {
  const outages = new Map<string, Outage>()
  return {
    onEvent(event, pid) {
      if (event.kind !== 'dial-failed' || event.target !== 'dc') return
      const key = `${pid} ${keyOf(event.address)}`
      // A slow endpoint counts as failing as well, and may go out of reach while it does.
      if (!outages.has(key)) outages.set(key, { since: scene.world.now, attempts: 0 })
    },
    onDial(from, to, pid) {
      const outage = outages.get(`${pid} ${keyOf(to)}`)
      if (from !== scene.host.ip || outage === undefined) return
      const allowed = attemptsWithin(scene.world.now - outage.since)
      if (++outage.attempts > allowed)
        fail(`${outage.attempts} attempts at ${to.ip} within ${scene.world.now - outage.since} ms, ${allowed} allowed`)
    },
    onOpen(from, to, pid) {
      if (from === scene.host.ip) outages.delete(`${pid} ${keyOf(to)}`)
    },
    onCrash: () => outages.clear(),
  }
}

function attemptsWithin(ms: number): number {
  let left = ms
  for (let attempts = 0; ; attempts++) {
    const pause = PAUSES_MS[Math.min(attempts, PAUSES_MS.length - 1)]
    if (left < pause) return attempts
    left -= pause
  }
}
