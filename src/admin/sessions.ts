import { cidrContains, parseCidr, parseIp } from '../core/address.ts'
import type { Proxy, SessionView } from '../core/proxy.ts'
import { redact, type AddressPrivacy } from '../observe/addresses.ts'
import type { Request } from './requests.ts'

/** One open connection, as `palisade sessions --json` prints it; null for what is not known (yet). */
export interface SessionRow {
  /** Number of the worker and of the connection in it: of no other connection that is open. */
  readonly id: string
  /** As `log.addresses` has it. */
  readonly address: string | null
  readonly user: string | null
  readonly mode: string | null
  readonly dc: number | null
  readonly way: string | null
  readonly access: string
  readonly stage: string
  readonly age_sec: number
  readonly client_to_dc_bytes: number
  readonly dc_to_client_bytes: number
}

/** With its place among those of other processes: the monotonic ms of its start, on the clock that all of them share. */
export interface PlacedRow extends SessionRow {
  readonly opened_ms: number
}

export interface Sessions<Row = SessionRow> {
  /** How many there are, whatever the limit. */
  readonly total: number
  /** Of those, with a user and on their way to Telegram. */
  readonly relaying: number
  readonly rows: readonly Row[]
}

type Query = Request<'sessions'>
interface Ranked {
  readonly openedMs: number
  readonly bytes: number
}

const ORDERS: Readonly<Record<Query['sort'], (a: Ranked, b: Ranked) => number>> = {
  age: (a, b) => a.openedMs - b.openedMs,
  newest: (a, b) => b.openedMs - a.openedMs,
  bytes: (a, b) => b.bytes - a.bytes,
}

function inOrder<T>(all: readonly T[], sort: Query['sort'], rank: (one: T) => Ranked): T[] {
  const ranked = all.map((one) => ({ one, ...rank(one) }))
  return ranked.sort(ORDERS[sort]).map(({ one }) => one)
}

/** Where sessions are looked at: one process. */
export interface Place {
  readonly proxy: Proxy
  readonly column: number
  readonly addresses: AddressPrivacy
  readonly nowMs: number
}

/** Those of one process. */
export function sessionsOf({ proxy, column, addresses, nowMs }: Place, query: Query): Sessions<PlacedRow> {
  const found = [...proxy.sessions].filter(meant(query))
  const relaying = found.filter(({ stage }) => stage.name === 'relay').length
  const shown = inOrder(found, query.sort, (view) => ({
    openedMs: view.openedAt,
    bytes: view.fromClientBytes + view.toClientBytes,
  }))
  const rows = shown.slice(0, query.limit).map((view): PlacedRow => ({
    id: `${column}.${view.id}`,
    address: redact(view.clientAddress, addresses) ?? null,
    user: view.user ?? null,
    mode: view.mode ?? null,
    dc: view.dc ?? null,
    way: view.way ?? null,
    access: view.level,
    stage: view.stage.name,
    age_sec: Math.max(0, Math.round(nowMs - view.openedAt) / 1000),
    client_to_dc_bytes: view.fromClientBytes,
    dc_to_client_bytes: view.toClientBytes,
    opened_ms: view.openedAt,
  }))
  return { total: found.length, relaying, rows }
}

/** Those of all processes as one list. */
export function mergeSessions(parts: readonly Sessions<PlacedRow>[], { sort, limit }: Query): Sessions {
  const sum = (of: (part: Sessions<PlacedRow>) => number) => parts.reduce((total, part) => total + of(part), 0)
  const all = parts.flatMap((part) => part.rows)
  const rows = inOrder(all, sort, (row) => ({
    openedMs: row.opened_ms,
    bytes: row.client_to_dc_bytes + row.dc_to_client_bytes,
  }))
  return {
    total: sum(({ total }) => total),
    relaying: sum(({ relaying }) => relaying),
    rows: rows.slice(0, limit).map(({ opened_ms: _, ...row }) => row),
  }
}

export interface Killed {
  readonly killed: number
  /** Wanted by their ids, and there. */
  readonly ids: readonly string[]
}

/** Ends those of one process that are meant. */
export function killIn({ proxy, column }: Pick<Place, 'proxy' | 'column'>, query: Request<'kill'>): Killed {
  const wanted = query.ids === undefined ? undefined : new Set(query.ids)
  const isMeant = meant(query)
  const ids: string[] = []
  const killed = proxy.kill((view) => {
    const id = `${column}.${view.id}`
    if (wanted?.has(id) === false || !isMeant(view)) return false
    if (wanted !== undefined) ids.push(id)
    return true
  })
  return { killed, ids }
}

function meant({ user, ip }: Pick<Query, 'user' | 'ip'>): (view: SessionView) => boolean {
  const range = ip === undefined ? undefined : parseCidr(ip)
  return (view) => {
    if (user !== undefined && view.user !== user) return false
    if (range === undefined) return true
    const bytes = parseIp(view.clientAddress.ip)
    return bytes !== undefined && cidrContains(range, bytes)
  }
}
