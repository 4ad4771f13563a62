import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { toAscii } from '../core/protocol/bytes.ts'
import { MAGIC } from '../observe/trace/layout.ts'
import type { TraceSink } from '../observe/trace/recorder.ts'
import { errorCode } from './network.ts'

/** What may wait for a slow disk; what comes on top of it is lost, and counted. */
const WAITING_MAX_BYTES = 4 << 20
/** After a failure. */
const RETRY_MS = 5_000
/** Longest wait for what is written at the end. */
const CLOSE_MS = 2_000
const MODE = 0o600

export interface TraceFileOptions {
  readonly path: string
  /** Files, the one being written included; at least 1. */
  readonly keep: () => number
  /** What has to end before: files of the same name that are still written. */
  readonly after: Promise<void>
  /** The disk does not take it, for this reason; undefined: it does again. */
  readonly onTrouble: (why: string | undefined) => void
}

type Step = { readonly kind: 'begin' | 'write'; readonly bytes: Uint8Array }

/**
 * Files of a trace: `path` is written, `path.1` to `path.(keep - 1)` are those before it, the newest first. All writing is in the
 * background. A block that failed is written again at the same place, so that a disk that was full leaves no hole.
 */
export class TraceFile implements TraceSink {
  readonly #options: TraceFileOptions
  #steps: Step[] = []
  #waitingBytes = 0
  #file: FileHandle | undefined
  #at = 0
  /** Whether the file that is to be begun has had its name freed. */
  #isMoved = false
  #isFailing = false
  #isClosed = false
  #running: Promise<void> | undefined
  #wake: (() => void) | undefined

  constructor(options: TraceFileOptions) {
    this.#options = options
  }

  begin(head: Uint8Array): void {
    this.#take({ kind: 'begin', bytes: head })
  }

  write(block: Uint8Array): boolean {
    if (this.#waitingBytes + block.length > WAITING_MAX_BYTES) return false
    this.#take({ kind: 'write', bytes: block })
    return true
  }

  /** Writes what waits, unless the disk fails or stands still, and gives the file back. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#wake?.()
    const late = Promise.withResolvers<void>()
    const limit = setTimeout(late.resolve, CLOSE_MS)
    await Promise.race([this.#finish(), late.promise])
    clearTimeout(limit)
  }

  async #finish(): Promise<void> {
    await this.#running
    await this.#file?.close().catch(() => {})
    this.#file = undefined
  }

  #take(step: Step): void {
    this.#steps.push(step)
    this.#waitingBytes += step.bytes.length
    this.#running ??= this.#run().finally(() => (this.#running = undefined))
  }

  async #run(): Promise<void> {
    await this.#options.after
    while (this.#steps.length > 0) {
      const [step] = this.#steps
      try {
        await (step.kind === 'begin' ? this.#begin(step.bytes) : this.#write(step.bytes))
        this.#tell(undefined)
        this.#steps.shift()
        this.#waitingBytes -= step.bytes.length
      } catch (error) {
        this.#tell(error instanceof NoTrace ? error.message : errorCode(error))
        if (this.#isClosed) return
        await this.#pause()
      }
    }
  }

  async #begin(head: Uint8Array): Promise<void> {
    const { path } = this.#options
    await this.#file?.close()
    this.#file = undefined
    if (!this.#isMoved) await this.#move()
    this.#isMoved = true
    this.#file = await open(path, 'w', MODE)
    // An empty file may have been there with other rights.
    await this.#file.chmod(MODE)
    this.#at = 0
    await this.#write(head)
    this.#isMoved = false
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const file = this.#file
    if (file === undefined) throw new Error('no file is open')
    let written = 0
    while (written < bytes.length)
      written += (await file.write(bytes, written, bytes.length - written, this.#at + written)).bytesWritten
    this.#at += bytes.length
  }

  /** Each file takes the next number; the one beyond the last is gone. */
  async #move(): Promise<void> {
    const { path, keep } = this.#options
    const nameOf = (number: number) => (number === 0 ? path : `${path}.${number}`)
    const last = keep() - 1
    if (!(await isTrace(path))) return
    if (last === 0) return rm(path)
    for (let number = last - 1; number >= 0; number--) {
      await rename(nameOf(number), nameOf(number + 1)).catch((error: unknown) => {
        if (errorCode(error) !== 'ENOENT') throw error
      })
    }
  }

  #tell(why: string | undefined): void {
    if (this.#isFailing === (why !== undefined)) return
    this.#isFailing = why !== undefined
    this.#options.onTrouble(why)
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, RETRY_MS)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }
}

/** What stands at our path is somebody else's, and not ours to move away. */
class NoTrace extends Error {}

/** False where there is nothing, or nothing in it. */
async function isTrace(path: string): Promise<boolean> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false
    throw error
  }
  try {
    const head = new Uint8Array(MAGIC.length)
    const { bytesRead } = await file.read(head, 0, head.length, 0)
    if (bytesRead > 0 && toAscii(head) !== MAGIC) throw new NoTrace('a file is there that is no trace')
    return bytesRead > 0
  } finally {
    await file.close()
  }
}
