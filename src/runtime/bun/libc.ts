import { dlopen, FFIType, ptr, read } from 'bun:ffi'
import { errorNameOf, type Libc } from '../libc.ts'

const { i32, u32, pointer } = FFIType
const LIBC_NAMES = ['libc.so.6', 'libc.so', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']
/** clock_gettime(2). */
const CLOCK_MONOTONIC = 1

/** The symbols themselves, for callers that pass pointers. */
export const symbols = openLibc()

function openLibc() {
  let failure: unknown
  for (const name of LIBC_NAMES) {
    try {
      return dlopen(name, {
        socket: { args: [i32, i32, i32], returns: i32 },
        connect: { args: [i32, pointer, u32], returns: i32 },
        bind: { args: [i32, pointer, u32], returns: i32 },
        listen: { args: [i32, i32], returns: i32 },
        setsockopt: { args: [i32, i32, i32, pointer, u32], returns: i32 },
        getsockopt: { args: [i32, i32, i32, pointer, pointer], returns: i32 },
        getsockname: { args: [i32, pointer, pointer], returns: i32 },
        fcntl: { args: [i32, i32, i32], returns: i32 },
        close: { args: [i32], returns: i32 },
        clock_gettime: { args: [i32, pointer], returns: i32 },
        __errno_location: { args: [], returns: pointer },
      }).symbols
    } catch (error) {
      failure = error
    }
  }
  throw new Error('the C library of this system was not found: run on Node instead (--runtime node)', {
    cause: failure,
  })
}

export function lastErrno(): number {
  const at = symbols.__errno_location()
  return at === null ? 0 : read.i32(at, 0)
}

const value = new Int32Array(1)
const length = new Uint32Array(1)

export const libc: Libc = {
  socket: (domain, type, protocol) => symbols.socket(domain, type, protocol),
  bind: (fd, address) => symbols.bind(fd, ptr(address), address.length),
  listen: (fd, backlog) => symbols.listen(fd, backlog),
  setOption(fd, level, name, wanted) {
    value[0] = wanted
    return symbols.setsockopt(fd, level, name, ptr(value), value.byteLength)
  },
  getOption(fd, level, name) {
    length[0] = value.byteLength
    const result = symbols.getsockopt(fd, level, name, ptr(value), ptr(length))
    return result < 0 ? result : value[0]
  },
  localName(fd, into) {
    length[0] = into.length
    const result = symbols.getsockname(fd, ptr(into), ptr(length))
    return result < 0 ? result : length[0]
  },
  control: (fd, command, argument) => symbols.fcntl(fd, command, argument),
  errorName: () => errorNameOf(lastErrno()),
}

// timespec: seconds(8, LE) | nanoseconds(8, LE). The whole buffer is made first: a view made later would move it.
const timespec = new DataView(new ArrayBuffer(16))
const SECONDS_HIGH = 2 ** 32

/** CLOCK_MONOTONIC in milliseconds: Bun's own clocks count from the start of the process. 30 ns, less than they cost. */
export function monotonicMs(): number {
  symbols.clock_gettime(CLOCK_MONOTONIC, ptr(timespec))
  const seconds = timespec.getUint32(4, true) * SECONDS_HIGH + timespec.getUint32(0, true)
  return seconds * 1000 + timespec.getUint32(8, true) / 1e6
}
