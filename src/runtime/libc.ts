/**
 * The calls of the C library that neither runtime offers. Arguments and results are those of the manual pages: below 0
 * something failed, and `errorName` says what. A buffer is the caller's again when the call returns.
 */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, address: Uint8Array): number
  listen(fd: number, backlog: number): number
  /** setsockopt(2) of an int. */
  setOption(fd: number, level: number, name: number, value: number): number
  /** getsockopt(2) of an int that is never negative. */
  getOption(fd: number, level: number, name: number): number
  /** getsockname(2); the length of the address. */
  localName(fd: number, into: Uint8Array): number
  /** fcntl(2) with an int. */
  control(fd: number, command: number, argument: number): number
  /** Of the last call, such as `EADDRINUSE`. */
  errorName(): string
}

/** What is asked of it here, by its number on Linux (errno(3)). */
const ERROR_NAMES: Readonly<Record<number, string>> = {
  1: 'EPERM',
  9: 'EBADF',
  13: 'EACCES',
  22: 'EINVAL',
  23: 'ENFILE',
  24: 'EMFILE',
  88: 'ENOTSOCK',
  97: 'EAFNOSUPPORT',
  98: 'EADDRINUSE',
  99: 'EADDRNOTAVAIL',
  101: 'ENETUNREACH',
  110: 'ETIMEDOUT',
  111: 'ECONNREFUSED',
  113: 'EHOSTUNREACH',
}

export function errorNameOf(errno: number): string {
  return ERROR_NAMES[errno] ?? 'UNKNOWN'
}
