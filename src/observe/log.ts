import { pino, type Logger } from 'pino'
import type { LinkEnd, ProxyEvent } from '../core/events.ts'
import type { Address, SecretId } from '../core/ports.ts'
import { redact, type AddressPrivacy } from './addresses.ts'
import { LineLimiter } from './limiter.ts'
import { prettyLine } from './pretty.ts'

export type Level = 'error' | 'warn' | 'info' | 'debug'

export interface LogOptions {
  readonly level: Level
  readonly format: 'json' | 'pretty'
  readonly addresses: AddressPrivacy
  /** Where lines go, each with its line feed. */
  readonly write: (line: string) => void
  /** Monotonic milliseconds. */
  readonly mono: () => number
  readonly hasColour?: boolean
  /** In every line: which process it is from. */
  readonly fields?: Fields
}

/** Values of a log line: nothing that could hold more than it shows. */
export type Fields = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

/**
 * One event, one line: `time`, `level`, `event`, `msg` and the event's fields. Client addresses pass through `redact`,
 * secrets appear as their configured name only.
 */
export class Log {
  readonly #pino: Logger
  readonly #addresses: AddressPrivacy
  readonly #mono: () => number
  readonly #limiter = new LineLimiter()
  #names: ReadonlyMap<SecretId, string> = new Map()

  constructor({ level, format, addresses, write, mono, hasColour = false, fields = {} }: LogOptions) {
    this.#addresses = addresses
    this.#mono = mono
    const stream = { write: format === 'json' ? write : (line: string) => write(prettyLine(line, hasColour)) }
    this.#pino = pino(
      {
        level,
        base: fields,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      stream,
    )
  }

  set level(level: Level) {
    this.#pino.level = level
  }
  get level(): string {
    return this.#pino.level
  }

  /** What secrets are called, for the lines of their connections. */
  set secretNames(names: ReadonlyMap<SecretId, string>) {
    this.#names = names
  }

  write(level: Level, event: string, msg: string, fields: Fields = {}): void {
    this.#pino[level]({ event, ...fields }, msg)
  }

  /** Takes the core's events. Connections that were relayed are `info`; what strangers can cause at will is `debug`. */
  readonly emit = (event: ProxyEvent): void => {
    switch (event.kind) {
      case 'accepted':
        return this.#connection('debug', 'conn.accepted', 'Connection accepted', event)
      case 'authenticated':
        if (!this.#isOn('debug')) return
        return this.write('debug', 'conn.authenticated', 'Client knows a secret', {
          conn: event.connection,
          mode: event.mode,
          secret: this.#names.get(event.secret),
          dc: event.dc,
        })
      case 'rejected':
        return this.#connection('debug', 'conn.rejected', 'Not taken for a client', event, {
          reason: event.reason,
          trials: event.trials,
        })
      case 'relaying':
        if (!this.#isOn('debug')) return
        return this.write('debug', 'conn.relaying', 'Relaying to the DC', {
          conn: event.connection,
          dc: event.dc,
          way: event.way,
          wait_ms: Math.round(event.waitMs),
        })
      case 'closed':
        return this.#connection(
          event.outcome === 'relayed' ? 'info' : 'debug',
          'conn.closed',
          'Connection closed',
          event,
          {
            reason: event.reason,
            outcome: event.outcome,
            client_to_dc_bytes: event.fromClientBytes,
            dc_to_client_bytes: event.toClientBytes,
            age_ms: Math.round(event.ageMs),
          },
        )
      case 'dial-failed':
        return this.#limited(
          'warn',
          `dial.failed ${event.target}`,
          'dial.failed',
          `Cannot reach the ${nameOf(event.target)}`,
          {
            target: event.target,
            address: `${event.address.ip} port ${event.address.port}`,
            why: event.why,
          },
        )
      case 'mask-learnt':
        return this.write('info', 'mask.learnt', 'Learnt what the mask host answers', {
          domain: event.domain,
          flight_bytes: event.flightBytes,
        })
      case 'mask-unreachable':
        return this.#limited('warn', event.kind, 'mask.unreachable', 'The mask host cannot be used as it is', {
          domain: event.domain,
          why: event.why,
        })
      case 'mask-refused':
        return this.#limited('warn', event.kind, 'mask.refused', 'The mask host leads where it must not', {
          host: event.host,
          ip: event.ip,
          why: event.why,
        })
      case 'dial-ahead':
        return
      case 'link-opened':
        return this.write('debug', 'link.opened', 'Link to a middle proxy is open', {
          dc: event.dc,
          address: `${event.address.ip} port ${event.address.port}`,
        })
      case 'link-closed':
        return this.#limited(
          event.wasOpen ? 'debug' : 'warn',
          `link.closed ${event.wasOpen ? '' : event.why}`,
          'link.closed',
          event.wasOpen ? 'Link to a middle proxy ended' : WHY_NO_LINK[event.why],
          {
            dc: event.dc,
            address: `${event.address.ip} port ${event.address.port}`,
            why: event.why,
            age_ms: Math.round(event.ageMs),
          },
        )
      case 'migrated':
        return this.write('debug', 'conn.migrated', 'Client goes on on another link', {
          conn: event.connection,
          dc: event.dc,
          wait_ms: Math.round(event.waitMs),
        })
      case 'middle-config':
        return this.write(
          event.result === 'failed' || event.result === 'refused' ? 'warn' : 'info',
          'middle.file',
          `${MIDDLE_FILE_NAMES[event.what]}: ${event.result}`,
          { what: event.what, result: event.result, ...(event.why === '' ? {} : { why: event.why }) },
        )
      case 'fault':
        return this.#limited('error', event.kind, 'fault', 'A fault of ours ended a connection', {
          where: event.where,
          message: event.message,
        })
    }
  }

  #isOn(level: Level): boolean {
    return this.#pino.isLevelEnabled(level)
  }

  #connection(
    level: Level,
    name: string,
    msg: string,
    { connection, client }: { readonly connection: number; readonly client: Address },
    fields: Fields = {},
  ): void {
    if (!this.#isOn(level)) return
    this.write(level, name, msg, { conn: connection, client: redact(client, this.#addresses), ...fields })
  }

  #limited(level: Level, limit: string, name: string, msg: string, fields: Fields): void {
    if (!this.#isOn(level)) return
    const suppressed = this.#limiter.take(limit, this.#mono())
    if (suppressed === undefined) return
    this.write(level, name, msg, suppressed === 0 ? fields : { ...fields, suppressed })
  }
}

function nameOf(target: 'dc' | 'mask' | 'middle'): string {
  return { dc: 'DC', mask: 'mask host', middle: 'middle proxy' }[target]
}

const MIDDLE_FILE_NAMES = {
  secret: 'Proxy secret',
  config: 'List of middle proxies',
  'config-v6': 'List of IPv6 middle proxies',
}

const NO_HANDSHAKE =
  'No handshake with a middle proxy: most often our address as it sees us is another one (set telegram.middle.nat), or a NAT changes ports'
/** What an operator can do about a link that never opened. */
const WHY_NO_LINK: Readonly<Record<LinkEnd, string>> = {
  end: NO_HANDSHAKE,
  reset: NO_HANDSHAKE,
  'handshake-timeout': NO_HANDSHAKE,
  'bad-frame': NO_HANDSHAKE,
  'other-peer': NO_HANDSHAKE,
  'handshake-refused': NO_HANDSHAKE,
  'other-secret': 'A middle proxy knows another proxy secret: ours is old',
  'other-schema': 'A middle proxy wants a cipher that we do not speak',
  'clock-skew': 'A middle proxy has another time: the clock of this machine is off by more than 30 s',
  silent: 'A middle proxy went silent',
  idle: 'Link closed',
  retired: 'Link closed',
  overflow: 'No buffer was left for a link to a middle proxy',
  shutdown: 'Link closed',
}
