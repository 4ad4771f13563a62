import { pino, type Logger } from 'pino'
import type { AccessListResult, NameState, OverloadLevel, ProxyEvent } from '../core/events.ts'
import type { Address, SecretId } from '../core/ports.ts'
import { redact, redactPrefix, type AddressPrivacy } from './addresses.ts'
import { LineLimiter, ONCE_IN_A_WHILE, type LineLimit } from './limiter.ts'
import { asSentence, whyNoLink } from './link-words.ts'
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

const ATTACK_WORDS = {
  begun: ['More strangers come than usual', 'Many sources attack at once'],
  over: ['Strangers come as usual', 'No attack by many any more'],
} as const

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
      case 'would-refuse':
        return this.#isOn('debug')
          ? this.write('debug', 'guard.would-refuse', 'Would be refused but for guard.dry_run', {
              client: redact(event.client, this.#addresses),
              reason: event.reason,
            })
          : undefined
      case 'banned':
        return this.#limited('warn', 'guard.banned', 'guard.banned', 'Source banned', {
          prefix: redactPrefix(event.prefix, this.#addresses),
          reason: event.reason,
          for_sec: Math.round(event.forMs / 1000),
          times: event.times,
          score: Math.round(event.score),
        })
      case 'attack':
        return this.write(
          event.state === 'begun' ? 'warn' : 'info',
          `guard.attack.${event.state}`,
          ATTACK_WORDS[event.state][event.isAnswered ? 1 : 0],
          { detector: event.detector, why: event.why, answered: event.isAnswered },
        )
      case 'suspect':
        return this.#limited(
          'warn',
          'guard.suspect',
          'guard.suspect',
          'Would be banned with guard.anomaly = "enforce"',
          {
            prefix: redactPrefix(event.prefix, this.#addresses),
            detector: event.detector,
            score: Math.round(event.score),
          },
        )
      case 'unbanned':
        return this.write('info', 'guard.unbanned', 'Ban lifted', {
          prefix: redactPrefix(event.prefix, this.#addresses),
        })
      case 'overload':
        return this.write(event.level === 0 ? 'info' : 'warn', 'guard.overload', OVERLOAD_LINES[event.level], {
          resource: event.resource,
          overload_level: event.level,
          reading: Math.round(event.reading * 1000) / 1000,
        })
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
      case 'judged':
      case 'greeted':
      case 'kept-out':
      case 'entered':
      case 'dial-ahead':
      case 'name-asked':
        return
      case 'name-state':
        return this.#limited(
          event.state === 'fresh' ? 'info' : 'warn',
          `dns.name ${event.state}`,
          'dns.name',
          NAME_STATE_LINES[event.state],
          { host: event.host, state: event.state, ...(event.why === '' ? {} : { why: event.why }) },
        )
      case 'link-opened':
        return this.write('debug', 'link.opened', 'Link to a middle proxy is open', {
          dc: event.dc,
          address: `${event.address.ip} port ${event.address.port}`,
        })
      case 'link-closed':
        return this.#linkClosed(event)
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
      case 'public-address':
        return this.#publicAddress(event)
      case 'access-list':
        return this.write(
          event.result === 'failed' || event.result === 'refused' ? 'warn' : 'info',
          'access.list',
          ACCESS_LIST_MESSAGES[event.result],
          {
            source: event.source,
            result: event.result,
            entries: event.entries,
            ignored: event.ignored,
            ...(event.why === '' ? {} : { why: event.why }),
          },
        )
      case 'vault':
        return this.write(
          event.state === 'back' ? 'info' : 'error',
          `hsm.${event.state}`,
          VAULT_LINES[event.state],
          event.why === '' ? {} : { why: event.why },
        )
      case 'fault':
        return this.#limited('error', event.kind, 'fault', 'A fault of ours ended a connection', {
          where: event.where,
          message: event.message,
        })
    }
  }

  /** A link that never opened will be tried again and again: the reason is worth a line once in a while. */
  #linkClosed({ dc, address, why, wasOpen, mismatch, ageMs }: ProxyEvent & { readonly kind: 'link-closed' }): void {
    const fields = { dc, address: `${address.ip} port ${address.port}`, why, age_ms: Math.round(ageMs) }
    if (wasOpen) return this.#limited('debug', 'link.closed', 'link.closed', 'Link to a middle proxy ended', fields)
    const { ip, source, local } = mismatch ?? {}
    const own = mismatch === undefined ? {} : { own_address: ip, own_address_from: source, local_address: local }
    const message = asSentence(whyNoLink(address, why, mismatch))
    this.#limited('warn', `link.closed ${why}`, 'link.closed', message, { ...fields, ...own }, ONCE_IN_A_WHILE)
  }

  #publicAddress({ result, local, ip, isPortKept, why }: ProxyEvent & { readonly kind: 'public-address' }): void {
    const where = local === '' ? {} : { local }
    switch (result) {
      case 'found':
        return this.write('info', 'public.address', `Middle proxies see us as ${ip}, STUN servers say`, {
          ...{ result, ip, ...where, port_kept: isPortKept },
          ...(isPortKept
            ? {}
            : { hint: 'the NAT changed the port: where it does so with links, middle proxies cannot be used' }),
        })
      case 'unchanged':
        return this.write('debug', 'public.address', 'Our public address is what it was', { result, ip, ...where })
      case 'failed':
        return this.#limited(
          'warn',
          'public.address',
          'public.address',
          ip === ''
            ? 'Our public address behind the NAT was not found, so middle proxies cannot be used: set telegram.middle.nat to it'
            : `STUN servers could not be asked again for our public address: ${ip} stays in use`,
          { result, ...where, why },
        )
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

  #limited(level: Level, limit: string, name: string, msg: string, fields: Fields, howOften?: LineLimit): void {
    if (!this.#isOn(level)) return
    const suppressed = this.#limiter.take(limit, this.#mono(), howOften)
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

const NAME_STATE_LINES: Readonly<Record<NameState, string>> = {
  fresh: 'A name is resolved again',
  stale: 'A name is served from memory: the resolver has no answer to go by',
  gone: 'A name has no address',
}

const VAULT_LINES = {
  gone: 'The HSM does not answer: newcomers get what hsm.outage says',
  back: 'The HSM answers again',
  'pin-refused': 'The HSM refused the PIN, which is not tried again before the next start',
} as const

const OVERLOAD_LINES: Readonly<Record<OverloadLevel, string>> = {
  0: 'There is enough again: newcomers are welcome',
  1: 'Overload: newcomers come in from known sources only',
  2: 'Overload: no newcomers',
}

const ACCESS_LIST_MESSAGES: Readonly<Record<AccessListResult, string>> = {
  taken: 'A new list of addresses is in force',
  unchanged: 'A list of addresses is the same as before',
  restored: 'A list of addresses is in force as it was last',
  failed: 'Cannot get a list of addresses; what was known of it stays in force',
  refused: 'A list of addresses cannot be believed; what was known of it stays in force',
}
