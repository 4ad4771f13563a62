import { readFileSync, statSync } from 'node:fs'
import type { Address, CloseKind, Connection, DialFailure, Handler, Network } from '../core/ports.ts'

/** What both network adapters share: the interface of listening, names of failures, the budget of descriptors. */

export interface ListenOptions {
  /** An IP address without brackets. An IPv6 one listens for IPv6 only, so that `::` and `0.0.0.0` stand side by side. */
  readonly host: string
  /** 0 lets the kernel choose. */
  readonly port: number
  /** Connections the kernel completes ahead of us; it cuts this to net.core.somaxconn. */
  readonly backlog: number
  /** A socket that listens there already; it is the listener's from now on. Without it one is opened. */
  readonly fd?: number
}

export interface Listener {
  /** As bound: with the port the kernel chose. */
  readonly address: Address
  /** Stops accepting and keeps the connections. Harmless when called again. */
  close(): void
}

export interface ListenError {
  /** As the kernel names it: EADDRINUSE, EACCES, EADDRNOTAVAIL, ... */
  readonly code: string
  /** One line for the operator: where, what, and the code. */
  readonly message: string
}

export interface RuntimeNetwork extends Network {
  /** Answers once, never at once. `accept` returns the handler of the new connection. */
  listen(
    options: ListenOptions,
    accept: (connection: Connection) => Handler,
    reply: (result: Listener | { readonly error: ListenError }) => void,
  ): void
  readonly descriptors: DescriptorBudget
}

export interface NetworkOptions {
  /** Most sockets held at a time; the default is what the process may open less a reserve for files and libraries. */
  readonly descriptorsMax?: number
}

/**
 * Files, logs, the store, the admin socket, the runtime's own: of a small limit a quarter is kept, and never less than what an
 * idle program has open (21 on Bun, 35 on Node) with room for those who ask it for its state.
 */
const RESERVE = 256
const RESERVE_MIN = 64
/** Whatever the limit, somebody is served. */
const SOCKETS_MIN = 8
/** One part in this many is kept for dials: an accepted client is worth nothing without its way out. */
const DIAL_SHARE = 8
/** What Linux gives a process that was told nothing. */
const LIMIT_FALLBACK = 1024

/** Counts sockets against a ceiling. Past it the kernel would fail us in places that cannot answer (security.md, E5). */
export class DescriptorBudget {
  readonly max: number
  readonly #acceptMax: number
  readonly #limit = openFilesLimit()
  /** Sockets held now: connections of both kinds and dials under way. */
  open = 0
  /** Accepted connections closed at once because the budget was spent, since the start. */
  refused = 0

  constructor(max: number = softLimit()) {
    this.max = max
    this.#acceptMax = max - Math.floor(max / DIAL_SHARE)
  }

  /** Room for an accepted connection: less than `max`, so that dials still find some. */
  get canAccept(): boolean {
    return this.open < this.#acceptMax
  }

  /** The share in use of what newcomers may have: of sockets, or of all that is open where that is nearer to its end. */
  get pressure(): number {
    const dialReserve = this.max - this.#acceptMax
    return Math.max(this.open / this.#acceptMax, openFiles() / (this.#limit - dialReserve))
  }

  get canDial(): boolean {
    return this.open < this.max
  }
}

function softLimit(): number {
  const limit = openFilesLimit()
  return Math.max(SOCKETS_MIN, limit - Math.min(RESERVE, Math.max(limit >> 2, RESERVE_MIN)))
}

/** Descriptors open now. Linux tells by the size of the folder since 6.2 (proc(5)) and 0 before, where sockets have to do. */
function openFiles(): number {
  try {
    return statSync('/proc/self/fd').size
  } catch {
    return 0
  }
}

/** RLIMIT_NOFILE as it is in force; both runtimes raise the soft limit to the hard one when they start. */
function openFilesLimit(): number {
  try {
    const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
    return line === null || line[1] === 'unlimited' ? LIMIT_FALLBACK : Number(line[1])
  } catch {
    return LIMIT_FALLBACK
  }
}

/** The kernel's text of an address as ours: IPv4-mapped becomes IPv4, a zone is dropped. */
export function plainIp(text: string): string {
  const zone = text.indexOf('%')
  const ip = zone < 0 ? text : text.slice(0, zone)
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice('::ffff:'.length) : ip
}

/** For what has no name any more because its socket is gone. */
export const UNKNOWN_ADDRESS: Address = { ip: '0.0.0.0', port: 0 }

export function dialFailure(code: string): DialFailure {
  switch (code) {
    case 'ECONNREFUSED':
      return 'refused'
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'unreachable'
    case 'ETIMEDOUT':
      return 'timeout'
    case 'EMFILE':
    case 'ENFILE':
      return 'descriptors'
    default:
      return 'error'
  }
}

const LISTEN_WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken by another program',
  EACCES: 'no permission for this port (ports below 1024 need root or CAP_NET_BIND_SERVICE)',
  EPERM: 'no permission for this port',
  EADDRNOTAVAIL: 'this machine has no such address',
  EAFNOSUPPORT: 'this machine has no such address family',
}

export function listenError(options: ListenOptions, code: string): ListenError {
  const where = options.host.includes(':') ? `[${options.host}]:${options.port}` : `${options.host}:${options.port}`
  return { code, message: `cannot listen on ${where}: ${LISTEN_WHY[code] ?? 'the system refused'} (${code})` }
}

export function errorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'UNKNOWN'
}

export function closeKindOf(error: unknown): CloseKind {
  return error === undefined || error === null ? 'end' : 'reset'
}
