import { errorNameOf, type Libc } from '../libc.ts'
import { loadKoffi } from './koffi.ts'

type Call = (...args: (number | Uint8Array | Int32Array | Uint32Array)[]) => number

const value = new Int32Array(1)
const length = new Uint32Array(1)

/** The C library by koffi; throws one line for the operator where that does not load. */
export function openLibc(): Libc {
  const koffi = loadKoffi()
  const library = koffi.load(null)
  const call = (prototype: string) => library.func(prototype) as Call
  const socket = call('int socket(int, int, int)')
  const bind = call('int bind(int, void *, unsigned int)')
  const listen = call('int listen(int, int)')
  const setsockopt = call('int setsockopt(int, int, int, void *, unsigned int)')
  const getsockopt = call('int getsockopt(int, int, int, void *, void *)')
  const getsockname = call('int getsockname(int, void *, void *)')
  const fcntl = call('int fcntl(int, int, int)')
  return {
    socket: (domain, type, protocol) => socket(domain, type, protocol),
    bind: (fd, address) => bind(fd, address, address.length),
    listen: (fd, backlog) => listen(fd, backlog),
    setOption(fd, level, name, wanted) {
      value[0] = wanted
      return setsockopt(fd, level, name, value, value.byteLength)
    },
    getOption(fd, level, name) {
      length[0] = value.byteLength
      const result = getsockopt(fd, level, name, value, length)
      return result < 0 ? result : value[0]
    },
    localName(fd, into) {
      length[0] = into.length
      const result = getsockname(fd, into, length)
      return result < 0 ? result : length[0]
    },
    control: (fd, command, argument) => fcntl(fd, command, argument),
    errorName: () => errorNameOf(koffi.errno()),
  }
}
