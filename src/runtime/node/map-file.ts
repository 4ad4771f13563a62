import { closeSync, constants, openSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { loadKoffi } from './koffi.ts'

const PROT_READ = 1
const PROT_WRITE = 2
const MAP_SHARED = 1

type Mmap = (at: null, length: number, protection: number, flags: number, fd: number, offset: number) => unknown

let mmap: Mmap | undefined

/** mmap(2) by koffi. */
export function mapFile(path: string, byteLength: number): Uint8Array {
  const koffi = loadKoffi()
  // The symbols of the process itself, its C library among them, whatever that is called here.
  mmap ??= koffi
    .load(null)
    .func('void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)') as Mmap
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW)
  try {
    const at = mmap(null, byteLength, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
    // MAP_FAILED is the highest address.
    if (at === null || BigInt.asIntN(64, koffi.address(at)) === -1n)
      throw new Error(`mmap failed (${getSystemErrorName(-koffi.errno())})`)
    return new Uint8Array(koffi.view(at, byteLength))
  } finally {
    closeSync(fd)
  }
}
