import { closeSync, constants, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { getSystemErrorName } from 'node:util'

const PROT_READ = 1
const PROT_WRITE = 2
const MAP_SHARED = 1

type Koffi = typeof import('koffi')
type Mmap = (at: null, length: number, protection: number, flags: number, fd: number, offset: number) => unknown

let loaded: { readonly koffi: Koffi; readonly mmap: Mmap } | undefined

/** mmap(2) by koffi, which is loaded when the first file is mapped: it is native, and not every installation has it. */
export function mapFile(path: string, byteLength: number): Uint8Array {
  const { koffi, mmap } = (loaded ??= load())
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

function load(): { koffi: Koffi; mmap: Mmap } {
  let koffi: Koffi
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi
  } catch (error) {
    throw new Error('the package koffi does not load here, and Node maps files with it: use Bun (--runtime bun)', {
      cause: error,
    })
  }
  // The symbols of the process itself, its C library among them, whatever that is called here.
  const mmap = koffi
    .load(null)
    .func('void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)')
  return { koffi, mmap: mmap }
}
