import { parseIp } from '../core/address.ts'
import type { Clock } from '../core/ports.ts'
import type { Proxy } from '../core/proxy.ts'
import type { AddressPrivacy } from '../observe/addresses.ts'
import type { PlacedEvent, SecurityEvents } from '../observe/security-events.ts'
import { REQUESTS, type Request } from './requests.ts'
import { killIn, sessionsOf, type Killed, type PlacedRow, type Sessions } from './sessions.ts'

/** Which level an address has, and who said so. */
export interface Level {
  readonly level: string
  /** `deny`, `rule`, `allow`, `list`, or `default` where nothing names it. */
  readonly by: string
  /** The configured prefix, or the list. */
  readonly named: string | null
}

/** What every process that relays answers about its part. */
export interface Inspection {
  sessions(query: Request<'sessions'>): Sessions<PlacedRow>
  kill(query: Request<'kill'>): Killed
  access(query: Request<'access'>): Level
  events(query: Request<'events'>): readonly PlacedEvent[]
}

export interface InspectOptions {
  readonly proxy: Proxy
  readonly column: number
  readonly clock: Clock
  readonly addresses: AddressPrivacy
  readonly events: SecurityEvents
}

export function inspectionOf({ proxy, column, clock, addresses, events }: InspectOptions): Inspection {
  return {
    sessions: (query) => sessionsOf({ proxy, column, addresses, nowMs: clock.mono() }, query),
    kill: (query) => killIn({ proxy, column }, query),
    access({ ip }) {
      const { level, by, source, prefix } = proxy.access.explain(parseIp(ip) ?? new Uint8Array(4))
      return { level, by, named: source ?? prefix ?? null }
    },
    events: ({ last }) => events.last(last),
  }
}

/** The same as services of a channel: what comes over it is looked at again. */
export function inspectionServices(inspection: () => Inspection): Readonly<Record<string, (args: unknown) => unknown>> {
  return {
    sessions: (args) => inspection().sessions(REQUESTS.sessions.parse(args)),
    kill: (args) => inspection().kill(REQUESTS.kill.parse(args)),
    access: (args) => inspection().access(REQUESTS.access.parse(args)),
    events: (args) => inspection().events(REQUESTS.events.parse(args)),
  }
}
