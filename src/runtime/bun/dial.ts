import { ptr } from 'bun:ffi'
import type { Address } from '../../core/ports.ts'
import { errorNameOf } from '../libc.ts'
import { encodeSockaddr, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from '../sockaddr.ts'
import { lastErrno, symbols } from './libc.ts'

/**
 * Sockets that connect, made with libc: `Bun.connect` gives no handle before the connection stands, so an attempt could
 * not be taken back, and it names nearly every failure ECONNREFUSED.
 */

const EINPROGRESS = 115

/** A descriptor that is connecting, or the name of the error. Whoever gets it closes it. */
export function beginConnect(address: Address): number | string {
  const { family, bytes } = encodeSockaddr(address)
  const fd = symbols.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) return errorNameOf(lastErrno())
  if (symbols.connect(fd, ptr(bytes), bytes.length) === 0) return fd
  const errno = lastErrno()
  if (errno === EINPROGRESS) return fd
  symbols.close(fd)
  return errorNameOf(errno)
}

export function closeDescriptor(fd: number): void {
  symbols.close(fd)
}

/** Sets the backlog of a socket that listens already, which listen(2) allows and `Bun.listen` has no option for. */
export function setBacklog(fd: number, backlog: number): void {
  symbols.listen(fd, backlog)
}
