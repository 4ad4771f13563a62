import type { Terms } from './terms.ts'
import type { Visit } from './timeline.ts'

const MINUTE_MS = 60_000
/** A week: what is relayed for longer counts as if it had come in its first one. */
const MINUTES_MAX = 10_080

/** Minutes of each user, by name. */
export type Crowded = ReadonlyMap<string, number>

/** In how many minutes more was relayed for a user than its bandwidth lets pass. Bytes of a relay are taken to have come evenly. */
export function bandwidthOf(visits: readonly Visit[], { users }: Terms): Crowded {
  const bytes = new Map<string, Map<number, number>>()
  for (const visit of visits) {
    const rate = visit.user === undefined ? undefined : users.get(visit.user)?.limits?.bytesPerSec
    if (visit.user === undefined || rate === undefined || rate === 0 || visit.relayingMs === undefined) continue
    const minutes = bytes.get(visit.user) ?? new Map<number, number>()
    bytes.set(visit.user, minutes)
    spread(visit, visit.relayingMs, minutes)
  }
  const crowded = new Map<string, number>()
  for (const [name, minutes] of bytes) {
    const most = ((users.get(name)?.limits?.bytesPerSec ?? 0) * MINUTE_MS) / 1000
    const count = [...minutes.values()].filter((each) => each > most).length
    if (count > 0) crowded.set(name, count)
  }
  return crowded
}

function spread(
  { closedMs, fromClientBytes, toClientBytes }: Visit,
  fromMs: number,
  minutes: Map<number, number>,
): void {
  const first = Math.floor(fromMs / MINUTE_MS)
  const last = Math.min(first + MINUTES_MAX, Math.floor(closedMs / MINUTE_MS))
  const whole = Math.max(1, closedMs - fromMs)
  for (let minute = first; minute <= last; minute++) {
    const from = Math.max(fromMs, minute * MINUTE_MS)
    const until = Math.min(closedMs, (minute + 1) * MINUTE_MS)
    const share = first === last ? 1 : Math.max(0, until - from) / whole
    minutes.set(minute, (minutes.get(minute) ?? 0) + share * (fromClientBytes + toClientBytes))
  }
}
