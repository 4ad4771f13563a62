import type { Address, Cancellable, Clock, Connection, Handler, Random } from '../../src/core/ports.ts'
import {
  pidOf,
  type Endpoint,
  type Handshake,
  type Nonce,
  type Pid,
  type ProxyReq,
  type ProxySecret,
} from '../../src/core/protocol/rpc/index.ts'
import type { ClientBackend } from './client-session.ts'
import { MiddleLink } from './middle-link.ts'
import type { Misbehaviour } from './middle-writer.ts'

export interface MiddleCounters {
  links: number
  /** Links whose handshake ended well. */
  opened: number
  requests: number
  answers: number
  quickAcks: number
  pings: number
  pongs: number
  /** Clients that proxies said had left. */
  closedByProxy: number
  closedByUs: number
  /** Links closed by plan. */
  rotated: number
}

/** How links behave; read when each begins. */
export interface MiddleBehaviour {
  /** 0: never. */
  readonly pingEveryMs: number
  readonly pongWithinMs: number
  /** A link is closed, behind what it still has to say, after this many bytes in both directions together. */
  readonly closeAfterBytes?: number
  readonly closeAfterMs?: number
  readonly misbehaviour?: Misbehaviour
  /** In place of what is right. */
  readonly nonce?: Partial<Nonce>
  readonly handshake?: Partial<Handshake>
}

export interface MiddleProxyOptions {
  readonly clock: Clock
  readonly random: Random
  readonly after: (ms: number, run: () => void) => Cancellable
  readonly secret: ProxySecret
  /** The DC in front of which it stands. */
  readonly dc: number
  readonly backend: ClientBackend
  /** Where proxies believe to have dialled, and where they seem to come from, when a NAT lies between. */
  readonly seen?: { readonly own?: Address; readonly proxy?: (remote: Address) => Address }
  /** Why a request is not what its proxy ought to have sent: another client address, another tag. */
  readonly refuse?: (request: ProxyReq) => string | undefined
}

const CALM: MiddleBehaviour = { pingEveryMs: 0, pongWithinMs: 10_000 }
const PROCESS_ID = 4242

/** One of Telegram's middle proxies, as far as proxies can tell, on connections real or virtual. */
export class SimulatedMiddleProxy {
  readonly options: MiddleProxyOptions
  readonly counters: MiddleCounters = {
    ...{ links: 0, opened: 0, requests: 0, answers: 0, quickAcks: 0, pings: 0, pongs: 0 },
    ...{ closedByProxy: 0, closedByUs: 0, rotated: 0 },
  }
  behaviour: MiddleBehaviour = CALM
  /** Links that live, oldest first. */
  readonly links = new Set<MiddleLink>()
  /** Told of every rule that a proxy broke; its link is closed. */
  onFault: (why: string, isOpen: boolean) => void = () => {}
  readonly #startedSec: number

  constructor(options: MiddleProxyOptions) {
    this.options = options
    this.#startedSec = options.clock.wall()
  }

  readonly accept = (connection: Connection): Handler => new MiddleLink(this, connection)

  /** Our name towards a proxy. */
  pid(own: Address): Pid {
    return pidOf(own, { pid: PROCESS_ID, startedSec: this.#startedSec })
  }
}

/** A rule for requests: all of them carry this tag, and the address of one of these clients. */
export function expecting(wanted: { tag?: Uint8Array; clients?: readonly Endpoint[]; own?: Endpoint }) {
  const { tag, clients, own } = wanted
  return (request: ProxyReq): string | undefined => {
    if (!isSameBytes(request.tag, tag)) return 'another tag'
    if (clients?.some((client) => isSameEndpoint(client, request.client)) === false) return 'another client address'
    return own === undefined || isSameEndpoint(own, request.own) ? undefined : 'another address of the proxy'
  }
}

function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && isSameBytes(a.ip, b.ip)
}

function isSameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
