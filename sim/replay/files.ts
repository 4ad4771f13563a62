import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { whyUnreadable } from '../../src/config/key-files.ts'
import type { TraceRecord } from '../../src/observe/trace/layout.ts'
import { TraceReader } from '../../src/observe/trace/reader.ts'
import type { TracePart } from './timeline.ts'

const CHUNK_BYTES = 1 << 20

export interface ReadTrace extends TracePart {
  readonly path: string
  /** Undefined: all of it was read. */
  readonly cut: string | undefined
}

/**
 * All files of the traces with those paths: of a path that a configuration names, what was rotated away and what other workers wrote
 * belongs to it. Throws an error of one line for a path without any, and for a file that is no trace.
 */
export function readTraces(paths: readonly string[]): ReadTrace[] {
  return [...new Set(paths.flatMap(filesOf))].map(readTrace)
}

/** `path`, `path.1`, `path.w0`, `path.w0.1`: see `trace-file.ts`. */
function filesOf(path: string): string[] {
  const [folder, name] = [dirname(path), basename(path)]
  const isPart = (found: string) =>
    found.startsWith(name) && /^(\.w\d{1,4})?(\.\d{1,4})?$/.test(found.slice(name.length))
  let found: string[]
  try {
    found = readdirSync(folder).filter(isPart).sort()
  } catch (error) {
    throw new Error(`${folder} ${whyUnreadable(error)}`, { cause: error })
  }
  if (found.length === 0) throw new Error(`${path} does not exist`)
  return found.map((each) => join(folder, each))
}

function readTrace(path: string): ReadTrace {
  const records: TraceRecord[] = []
  const reader = new TraceReader((record) => records.push(record))
  try {
    readAll(path, reader)
  } catch (error) {
    throw new Error(`${path} ${whyUnreadable(error)}`, { cause: error })
  }
  const state = reader.end()
  if (state.kind === 'other-version')
    throw new Error(
      `${path} is a trace of another version, ${state.version}: replay it with the Palisade that wrote it`,
    )
  const first = records.at(0)
  if (state.kind === 'no-trace' || first?.kind !== 'start') throw new Error(`${path} is no trace of Palisade`)
  const cut =
    state.kind === 'cut' ? `${state.why}: ${state.wholeBytes} bytes of it are whole, and were read` : undefined
  return { path, start: first.start, records, cut }
}

function readAll(path: string, reader: TraceReader): void {
  const file = openSync(path, 'r')
  try {
    const chunk = new Uint8Array(CHUNK_BYTES)
    for (let length = -1; length !== 0;) {
      length = readSync(file, chunk, 0, chunk.length, null)
      reader.push(chunk.subarray(0, length))
    }
  } finally {
    closeSync(file)
  }
}
