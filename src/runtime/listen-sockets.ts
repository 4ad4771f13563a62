import { closeSync } from 'node:fs'
import { formatAddress } from '../config/values/net.ts'
import type { Address } from '../core/ports.ts'
import type { Libc } from './libc.ts'
import { listenError, type ListenError } from './network.ts'
import {
  AF_INET6,
  decodeSockaddr,
  encodeSockaddr,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOCKADDR_MAX,
} from './sockaddr.ts'

/**
 * Sockets that listen, made by hand: neither runtime can open one without accepting on it as well. Whoever holds one keeps
 * its queue alive, so connections wait there while the process that accepts is replaced. Linux numbers (socket(7), ip(7),
 * ipv6(7), tcp(7), fcntl(2)).
 */

const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_REUSEPORT = 15
const SO_ACCEPTCONN = 30
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const F_SETFD = 2
const F_GETFL = 3
const F_SETFL = 4
const F_DUPFD_CLOEXEC = 1030
const FD_CLOEXEC = 1
/** Standard streams are below. */
const FD_MIN = 3

export interface ListenSocket {
  readonly fd: number
  /** As bound. */
  readonly address: Address
}

export interface OpenOptions extends Address {
  readonly backlog: number
  /** Others of ours may listen on the same address: the kernel deals connections out among them. */
  readonly isShared: boolean
}

/** Opens one. IPv6 ones take IPv6 alone, so that `[::]` and `0.0.0.0` stand side by side. */
export function openListenSocket(libc: Libc, options: OpenOptions): ListenSocket | { readonly error: ListenError } {
  const { family, bytes } = encodeSockaddr(options)
  const fd = libc.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  const isDone =
    fd >= 0 &&
    // A server that starts again does not wait for connections of its last run to be forgotten.
    libc.setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1) === 0 &&
    (!options.isShared || libc.setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1) === 0) &&
    (family !== AF_INET6 || libc.setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) === 0) &&
    libc.bind(fd, bytes) === 0 &&
    libc.listen(fd, options.backlog) === 0
  const address = isDone ? localAddress(libc, fd) : undefined
  if (address !== undefined) return { fd, address }
  const code = libc.errorName()
  if (fd >= 0) closeSync(fd)
  return { error: listenError({ host: options.ip, port: options.port, backlog: options.backlog }, code) }
}

/** Makes one that was handed to us ours: it does not block, and no child gets it unasked. Undefined when it is none. */
export function adoptListenSocket(libc: Libc, fd: number): ListenSocket | undefined {
  if (libc.getOption(fd, SOL_SOCKET, SO_ACCEPTCONN) !== 1) return undefined
  const address = localAddress(libc, fd)
  if (address === undefined) return undefined
  libc.control(fd, F_SETFD, FD_CLOEXEC)
  libc.control(fd, F_SETFL, libc.control(fd, F_GETFL, 0) | SOCK_NONBLOCK)
  return { fd, address }
}

/** Another descriptor of the same socket, for somebody who will close it. Below 0 when there are no more. */
export function duplicate(libc: Libc, fd: number): number {
  return libc.control(fd, F_DUPFD_CLOEXEC, FD_MIN)
}

function localAddress(libc: Libc, fd: number): Address | undefined {
  const bytes = new Uint8Array(SOCKADDR_MAX)
  const length = libc.localName(fd, bytes)
  return length < 0 ? undefined : decodeSockaddr(bytes.subarray(0, length))
}

/** Codes that say this machine has no such address family at all. */
const NO_FAMILY = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL'])

export interface PlanOptions {
  /** `listen.address`; port 0 lets the kernel choose. */
  readonly addresses: readonly Address[]
  /** Processes that accept, at least 1. */
  readonly slots: number
  readonly backlog: number
  /** From whoever started us. */
  readonly inherited: readonly ListenSocket[]
  /** Whether each address must be among them, and nothing else: so it is with a service manager. */
  readonly isInheritedAll: boolean
  /** Told of an address that this machine does not have; one line. */
  readonly onSkipped: (message: string) => void
}

/** The sockets of all slots: kept open as long as we live, whoever accepts on them. */
export class ListenSockets {
  /** One for each address that we listen on, as bound. */
  readonly addresses: readonly Address[]
  readonly #slots: readonly (readonly ListenSocket[])[]
  #isClosed = false

  private constructor(perAddress: readonly (readonly ListenSocket[])[], slots: number) {
    this.addresses = perAddress.map(([{ address }]) => address)
    this.#slots = Array.from({ length: slots }, (_, slot) =>
      perAddress.flatMap((sockets) => ofSlot(sockets, slot, slots)),
    )
  }

  /** What slot `slot` accepts on: at least one socket an address. */
  slot(slot: number): readonly ListenSocket[] {
    return this.#slots[slot]
  }

  get all(): readonly ListenSocket[] {
    return [...new Map(this.#slots.flat().map((socket) => [socket.fd, socket])).values()]
  }

  /** Harmless when called again. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const { fd } of this.all) closeSync(fd)
  }

  /** All addresses or an error in one line; only a machine without IPv6 (or IPv4) may do without `[::]` (or `0.0.0.0`). */
  static open(libc: Libc, options: PlanOptions): ListenSockets | { readonly error: string } {
    const { addresses, slots, isInheritedAll } = options
    const left = [...options.inherited]
    const perAddress: ListenSocket[][] = []
    const fail = (error: string) => {
      for (const { fd } of [...perAddress.flat(), ...left]) closeSync(fd)
      return { error }
    }
    let missing = ''
    for (const address of addresses) {
      const sockets = takeFor(address, left)
      if (isInheritedAll && sockets.length === 0)
        return fail(`LISTEN_FDS: no socket for ${formatAddress(address)} of listen.address was handed over`)
      const found = fill(libc, address, sockets, options)
      if (found === undefined) perAddress.push(sockets)
      else if (addresses.length > 1 && isWildcard(address) && NO_FAMILY.has(found.code)) {
        missing = found.message
        options.onSkipped(missing)
      } else return fail(found.message)
    }
    if (perAddress.length === 0) return fail(missing)
    if (isInheritedAll && left.length > 0)
      return fail(
        `LISTEN_FDS: a socket on ${formatAddress(left[0].address)} was handed over, which listen.address lacks`,
      )
    // An address that is configured no more.
    for (const { fd } of left) closeSync(fd)
    return new ListenSockets(perAddress, slots)
  }
}

/** More slots than sockets: some accept on the same one. Fewer: a slot has several, and no queue is lost. */
function ofSlot(sockets: readonly ListenSocket[], slot: number, slots: number): readonly ListenSocket[] {
  if (sockets.length < slots) return [sockets[slot % sockets.length]]
  return sockets.filter((_, i) => i % slots === slot)
}

function takeFor(wanted: Address, left: ListenSocket[]): ListenSocket[] {
  const fits = ({ address }: ListenSocket) =>
    address.ip === wanted.ip && (wanted.port === 0 || address.port === wanted.port)
  const first = left.find(fits)
  const taken = left.filter((socket) => fits(socket) && socket.address.port === first?.address.port)
  for (const socket of taken) left.splice(left.indexOf(socket), 1)
  return taken
}

/** Opens what `sockets` lacks; an error when there is not even one. */
function fill(libc: Libc, address: Address, sockets: ListenSocket[], options: PlanOptions): ListenError | undefined {
  const { slots, backlog } = options
  if (slots > 1 && sockets.length === 0) {
    // SO_REUSEPORT would let us in beside another program of the same user: look without it first.
    const probe = openListenSocket(libc, { ...address, backlog, isShared: false })
    if ('error' in probe) return probe.error
    closeSync(probe.fd)
  }
  while (sockets.length < slots) {
    const port = sockets[0]?.address.port ?? address.port
    const socket = openListenSocket(libc, { ip: address.ip, port, backlog, isShared: slots > 1 })
    // Sockets that came from elsewhere may not let others beside them: the slots share those then.
    if ('error' in socket) return sockets.length > 0 ? undefined : socket.error
    sockets.push(socket)
  }
  return undefined
}

function isWildcard({ ip }: Address): boolean {
  return ip === '::' || ip === '0.0.0.0'
}
