import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { assert } from '../core/assert.ts'
import type { SharedMemory, SharedRegion } from '../core/ports.ts'
import { errorCode } from './network.ts'

/** Where processes of a proxy map what they share, below the folder of its state. */
export function sharedFolder(stateFolder: string): string {
  return join(stateFolder, 'shared')
}

/** Maps a whole file, shared with every process that does the same. It stays mapped until the process ends. */
export type MapFile = (path: string, byteLength: number) => Uint8Array

export interface MappedMemory extends SharedMemory {
  /**
   * Once, when nothing is written any more. `isClean` (by the last process that uses the regions) writes all of them to
   * disk first and says so in them: then they are `kept` over a restart of the machine too.
   */
  close(isClean: boolean): void
}

export interface MappedMemoryOptions {
  readonly directory: string
  readonly mapFile: MapFile
  /** Names this start of the machine; the default asks Linux. */
  readonly bootId?: string
}

// File: header page, then the region.
// Header: magic(8) | region length(8, LE) | clean(1) | zero(7) | boot id(36, ASCII) | zero
const HEADER_BYTES = 4096
const MAGIC = 'PALSHM\x00\x01'
const LENGTH_AT = 8
const CLEAN_AT = 16
const BOOT_AT = 24
const BOOT_LENGTH = 36

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
/** Only the owner may read what lies in here. */
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

/** `SharedMemory` over files in one directory. What a process wrote survives its death, kill -9 included. */
export class FileMemory implements MappedMemory {
  readonly #directory: string
  readonly #mapFile: MapFile
  readonly #bootId: string
  readonly #open = new Map<string, { readonly fd: number; readonly region: SharedRegion }>()

  constructor(options: MappedMemoryOptions) {
    this.#directory = options.directory
    this.#mapFile = options.mapFile
    this.#bootId = options.bootId ?? machineBootId()
  }

  /** Throws an `Error` with one line for the operator when the file cannot be had. */
  open(name: string, byteLength: number): SharedRegion {
    assert(NAME.test(name), 'a region is named like a plain file')
    assert(Number.isSafeInteger(byteLength) && byteLength > 0, 'a region has a size')
    const known = this.#open.get(name)
    if (known !== undefined) {
      assert(known.region.bytes.length === byteLength, 'a region in use keeps its size')
      return known.region
    }
    const path = join(this.#directory, name)
    try {
      mkdirSync(this.#directory, { recursive: true, mode: DIRECTORY_MODE })
      const opened = this.#openFile(path, byteLength)
      this.#open.set(name, opened)
      return opened.region
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown'
      throw new Error(`cannot keep state in ${path}: ${why}`, { cause: error })
    }
  }

  close(isClean: boolean): void {
    for (const { fd } of this.#open.values()) {
      if (isClean) writeCleanMark(fd)
      closeSync(fd)
    }
    this.#open.clear()
  }

  #openFile(path: string, byteLength: number): { fd: number; region: SharedRegion } {
    const existing = openExisting(path)
    if (existing !== undefined) {
      const origin = this.#originOf(existing, byteLength)
      if (origin !== undefined) return this.#map(existing, path, byteLength, origin)
      closeSync(existing)
    }
    // Two processes may come here at once: only one makes the name, the other takes what it finds.
    const isMade = this.#create(path, byteLength, existing !== undefined)
    const fd = openExisting(path)
    assert(fd !== undefined, 'the file was made just now')
    const found = this.#originOf(fd, byteLength)
    assert(found !== undefined, 'processes that share a region agree on its size')
    return this.#map(fd, path, byteLength, isMade ? 'new' : found)
  }

  /** What the file holds, or undefined when it is not such a region. */
  #originOf(fd: number, byteLength: number): 'kept' | 'stale' | undefined {
    const header = Buffer.alloc(HEADER_BYTES)
    const isWhole = readSync(fd, header, 0, HEADER_BYTES, 0) === HEADER_BYTES
    if (!isWhole || fstatSync(fd).size !== HEADER_BYTES + byteLength) return undefined
    if (header.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined
    if (Number(header.readBigUInt64LE(LENGTH_AT)) !== byteLength) return undefined
    const isSameBoot = header.toString('latin1', BOOT_AT, BOOT_AT + BOOT_LENGTH) === this.#bootId
    return isSameBoot || header[CLEAN_AT] === 1 ? 'kept' : 'stale'
  }

  #map(
    fd: number,
    path: string,
    byteLength: number,
    origin: SharedRegion['origin'],
  ): { fd: number; region: SharedRegion } {
    // On disk before the first use, or a power cut would leave the old mark beside half-written content.
    writeSync(fd, this.#mark(), 0, BOOT_AT + BOOT_LENGTH - CLEAN_AT, CLEAN_AT)
    fsyncSync(fd)
    const whole = this.#mapFile(path, HEADER_BYTES + byteLength)
    return { fd, region: { bytes: whole.subarray(HEADER_BYTES, HEADER_BYTES + byteLength), origin } }
  }

  /** The header from the clean mark on: in use, in this start of the machine. */
  #mark(): Uint8Array {
    const mark = Buffer.alloc(BOOT_AT + BOOT_LENGTH - CLEAN_AT)
    mark.write(this.#bootId, BOOT_AT - CLEAN_AT, 'latin1')
    return mark
  }

  /** Puts a region of zeros at `path`, whole or not at all. False when another process was first. */
  #create(path: string, byteLength: number, replaces: boolean): boolean {
    const draft = join(this.#directory, `.${process.pid}.draft`)
    rmSync(draft, { force: true })
    const fd = openSync(draft, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, FILE_MODE)
    const header = Buffer.alloc(HEADER_BYTES)
    header.write(MAGIC, 'latin1')
    header.writeBigUInt64LE(BigInt(byteLength), LENGTH_AT)
    header.write(this.#bootId, BOOT_AT, 'latin1')
    writeSync(fd, header)
    ftruncateSync(fd, HEADER_BYTES + byteLength)
    fsyncSync(fd)
    closeSync(fd)
    try {
      if (replaces) renameSync(draft, path)
      else linkSync(draft, path)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
      return false
    } finally {
      rmSync(draft, { force: true })
    }
    this.#syncDirectory()
    return true
  }

  /** The name itself must survive a power cut: a region that is missing counts as new, not as stale. */
  #syncDirectory(): void {
    const fd = openSync(this.#directory, constants.O_RDONLY)
    fsyncSync(fd)
    closeSync(fd)
  }
}

/**
 * Says in every region of `directory` that it is whole, as `close(true)` does, when all processes that used them are gone:
 * for a process that opened none of them.
 */
export function markClean(directory: string): void {
  // Nobody came so far as to make it.
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return
  for (const name of readdirSync(directory).filter((name) => NAME.test(name))) {
    const fd = openExisting(join(directory, name))
    if (fd === undefined) continue
    const header = Buffer.alloc(HEADER_BYTES)
    readSync(fd, header, 0, HEADER_BYTES, 0)
    const isRegion = header.toString('latin1', 0, MAGIC.length) === MAGIC
    // One that nobody opened since the machine started may have lost writes.
    const isOfThisBoot = header.toString('latin1', BOOT_AT, BOOT_AT + BOOT_LENGTH) === machineBootId()
    if (isRegion && isOfThisBoot) writeCleanMark(fd)
    closeSync(fd)
  }
}

function writeCleanMark(fd: number): void {
  // The content first: the mark must never reach the disk before what it vouches for.
  fsyncSync(fd)
  writeSync(fd, Uint8Array.of(1), 0, 1, CLEAN_AT)
  fsyncSync(fd)
}

function openExisting(path: string): number | undefined {
  try {
    const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW)
    if ((fstatSync(fd).mode & 0o777) !== FILE_MODE) chmodSync(path, FILE_MODE)
    return fd
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function machineBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}
