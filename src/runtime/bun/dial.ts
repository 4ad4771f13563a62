import { dlopen, FFIType, ptr, read } from 'bun:ffi'
import { assert } from '../../core/assert.ts'
import { parseIp } from '../../core/address.ts'
import type { Address } from '../../core/ports.ts'

/**
 * Sockets that connect, made with libc: `Bun.connect` gives no handle before the connection stands, so an attempt could
 * not be taken back, and it names nearly every failure ECONNREFUSED. Linux numbers (socket(2), ip(7), ipv6(7)).
 */

const AF_INET = 2
const AF_INET6 = 10
const SOCK_STREAM = 1
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const EINPROGRESS = 115

const ERRNO_CODES: Readonly<Record<number, string>> = {
  13: 'EACCES',
  22: 'EINVAL',
  23: 'ENFILE',
  24: 'EMFILE',
  97: 'EAFNOSUPPORT',
  99: 'EADDRNOTAVAIL',
  101: 'ENETUNREACH',
  110: 'ETIMEDOUT',
  111: 'ECONNREFUSED',
  113: 'EHOSTUNREACH',
}

// sockaddr_in:  family(2) | port(2, BE) | address(4) | zero(8)
// sockaddr_in6: family(2) | port(2, BE) | flow(4) | address(16) | scope(4)
const PORT_AT = 2
const IPV4_AT = 4
const IPV4_LENGTH = 16
const IPV6_AT = 8
const IPV6_LENGTH = 28

const sockaddr = new Uint8Array(IPV6_LENGTH)

const LIBC_NAMES = ['libc.so.6', 'libc.so', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']
const libc = openLibc()

function openLibc() {
  let failure: unknown
  for (const name of LIBC_NAMES) {
    try {
      return dlopen(name, {
        socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
        connect: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
        listen: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
        close: { args: [FFIType.i32], returns: FFIType.i32 },
        __errno_location: { args: [], returns: FFIType.ptr },
      }).symbols
    } catch (error) {
      failure = error
    }
  }
  throw new Error('the C library of this system was not found: run on Node instead (--runtime node)', {
    cause: failure,
  })
}

/** A descriptor that is connecting, or the name of the error. Whoever gets it closes it. */
export function beginConnect(address: Address): number | string {
  const ip = parseIp(address.ip)
  assert(ip !== undefined, 'a dialled address is an IP address')
  const isIpv4 = ip.length === 4
  sockaddr.fill(0)
  new DataView(sockaddr.buffer).setUint16(0, isIpv4 ? AF_INET : AF_INET6, true)
  sockaddr[PORT_AT] = address.port >> 8
  sockaddr[PORT_AT + 1] = address.port
  sockaddr.set(ip, isIpv4 ? IPV4_AT : IPV6_AT)
  const fd = libc.socket(isIpv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) return lastError()
  if (libc.connect(fd, ptr(sockaddr), isIpv4 ? IPV4_LENGTH : IPV6_LENGTH) === 0) return fd
  const errno = lastErrno()
  if (errno === EINPROGRESS) return fd
  libc.close(fd)
  return ERRNO_CODES[errno] ?? 'UNKNOWN'
}

export function closeDescriptor(fd: number): void {
  libc.close(fd)
}

/** Sets the backlog of a socket that listens already, which listen(2) allows and `Bun.listen` has no option for. */
export function setBacklog(fd: number, backlog: number): void {
  libc.listen(fd, backlog)
}

function lastErrno(): number {
  const at = libc.__errno_location()
  return at === null ? 0 : read.i32(at, 0)
}

function lastError(): string {
  return ERRNO_CODES[lastErrno()] ?? 'UNKNOWN'
}
