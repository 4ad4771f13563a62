import type { SecurityEvent, SecurityEvents } from '../observe/security-events.ts'
import type { SecurityNote } from '../observe/security-kinds.ts'
import { BanDesk, type Banned, type BanDeskOptions, type BanRow, type Bans, type Unbanned } from './bans.ts'
import type { Inspection, Level } from './inspect.ts'
import type { Request } from './requests.ts'
import { mergeSessions, type Sessions } from './sessions.ts'

/** Answers that come from all processes name those that gave none: what they hold is missing. */
interface FromAll {
  readonly unanswered: readonly number[]
}

export interface SessionsAnswer extends Sessions, FromAll {}

export interface KillAnswer extends FromAll {
  readonly killed: number
  /** Ids that no open connection has. */
  readonly missing: readonly string[]
}

export interface BanAnswer extends Banned, FromAll {
  /** Connections from there that are relayed, and stay. */
  readonly live: number
}

export interface AccessAnswer extends Level, FromAll {
  readonly address: string
  /** Bans that cover it, the longest prefix first: they come before any level. */
  readonly bans: readonly BanRow[]
  /** False while a changed list is in force in one process and not yet in another. */
  readonly agreed: boolean
}

/** One of `palisade events --json`; `worker` is null for what the supervisor did. */
export interface EventRow extends SecurityEvent {
  readonly worker: number | null
}

export interface EventsAnswer extends FromAll {
  readonly rows: readonly EventRow[]
}

type Questions = keyof Inspection

/** One answer of each process that relays; undefined: it gave none in time. */
export type AskAll = <Q extends Questions>(
  name: Q,
  query: Request<Q>,
) => Promise<readonly { readonly column: number; readonly value: ReturnType<Inspection[Q]> | undefined }[]>

export interface DeskOptions extends BanDeskOptions {
  readonly askAll: AskAll
  /** Of this process, where it is none of those that are asked. */
  readonly events: SecurityEvents | undefined
  /** Takes an event that no core told of. */
  readonly note: (note: SecurityNote) => void
}

/** What an operator asks of the whole program, however many processes it is. */
export class Desk {
  readonly #askAll: AskAll
  readonly #events: SecurityEvents | undefined
  readonly #bans: BanDesk
  readonly #note: DeskOptions['note']

  constructor(options: DeskOptions) {
    this.#askAll = options.askAll
    this.#events = options.events
    this.#bans = new BanDesk(options)
    this.#note = options.note
  }

  async sessions(query: Request<'sessions'>): Promise<SessionsAnswer> {
    const { values, unanswered } = await this.#ask('sessions', query)
    const parts = values.map(({ value }) => value)
    return { ...mergeSessions(parts, query), unanswered }
  }

  async kill(query: Request<'kill'>): Promise<KillAnswer> {
    const { values, unanswered } = await this.#ask('kill', query)
    const found = new Set(values.flatMap(({ value }) => value.ids))
    const killed = values.reduce((sum, { value }) => sum + value.killed, 0)
    return { killed, missing: (query.ids ?? []).filter((id) => !found.has(id)), unanswered }
  }

  async bans(query: Request<'bans'>): Promise<Bans> {
    return Promise.resolve(this.#bans.list(query))
  }

  async ban(request: Request<'ban'>): Promise<BanAnswer> {
    const banned = await this.#bans.ban(request)
    const { relaying, unanswered } = await this.sessions({ ip: request.prefix, limit: 1, sort: 'age' })
    return { ...banned, live: relaying, unanswered }
  }

  async unban(request: Request<'unban'>): Promise<Unbanned> {
    return this.#bans.unban(request)
  }

  async access(query: Request<'access'>): Promise<AccessAnswer> {
    const { values, unanswered } = await this.#ask('access', query)
    if (values.length === 0) throw new Error('no worker answered')
    const [{ value: first }] = values
    const agreed = values.every(({ value }) => value.level === first.level)
    return { address: query.ip, ...first, agreed, bans: this.#bans.covering(query.ip), unanswered }
  }

  async events(query: Request<'events'>): Promise<EventsAnswer> {
    const { values, unanswered } = await this.#ask('events', query)
    const own = (this.#events?.last(query.last) ?? []).map((event) => ({ ...event, worker: null }))
    const theirs = values.flatMap(({ column, value }) => value.map((event) => ({ ...event, worker: column })))
    const rows = [...own, ...theirs].sort((a, b) => a.at_ms - b.at_ms).slice(-query.last)
    return { rows: rows.map(({ at_ms: _, ...row }) => row), unanswered }
  }

  /** Kept where the operator's own acts are, which no stranger's wash out. */
  async hsm({ act, label, generation, ...rest }: Request<'hsm'>): Promise<object> {
    const about = { ...(label === undefined ? {} : { label }), ...(generation === undefined ? {} : { generation }) }
    this.#note({
      code: `hsm.${act}`,
      severity: rest.result === 'done' ? 'notice' : 'warning',
      // Each of them counts: none is one more of the same.
      about: JSON.stringify([about, rest]),
      details: { ...about, ...rest },
    })
    return Promise.resolve({})
  }

  async #ask<Q extends Questions>(name: Q, query: Request<Q>) {
    const answers = await this.#askAll(name, query)
    const values = answers.flatMap(({ column, value }) => (value === undefined ? [] : [{ column, value }]))
    const unanswered = answers.filter(({ value }) => value === undefined).map(({ column }) => column)
    return { values, unanswered }
  }
}
