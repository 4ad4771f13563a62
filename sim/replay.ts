import type { LoadedConfig } from '../src/config/load.ts'
import { SecretRegistry } from '../src/config/settings.ts'
import type { Settings } from '../src/core/settings.ts'
import { PrefixCipher } from '../src/observe/trace/prefix-cipher.ts'
import { keyIdOf } from '../src/observe/trace/recorded.ts'
import { readTraceKey } from '../src/runtime/trace-key.ts'
import { readTraces, type ReadTrace } from './replay/files.ts'
import { readLists, type ReadLists } from './replay/lists.ts'
import { notesOf } from './replay/notes.ts'
import type { Report } from './replay/compare.ts'
import { whatIf } from './replay/what-if.ts'
import { timelineOf } from './replay/timeline.ts'

export type { Report, SourceRow } from './replay/compare.ts'

export interface ReplayOptions {
  readonly paths: readonly string[]
  /** Undefined: what was in force when it was recorded. */
  readonly loaded: LoadedConfig | undefined
  /** Where the key of the addresses and copies of lists lie, if this host wrote the trace. */
  readonly stateFolder: string
}

/** What was read, and what would be decided otherwise. Rejects with an error of one line for what cannot be read. */
export async function replayFiles({ paths, loaded, stateFolder }: ReplayOptions): Promise<Report> {
  const traces = readTraces(paths)
  const cipher = cipherFor(traces, stateFolder)
  const timeline = timelineOf(traces, cipher && ((ip) => cipher.decrypt(ip)))
  const next = loaded && settingsOf(loaded)
  const cuts = traces.flatMap(({ path, cut }) => (cut === undefined ? [] : [`${path}: ${cut}`]))
  const hasKey = cipher !== undefined
  const { listed, missing } =
    hasKey && next !== undefined ? await readLists(timeline.configs, next, stateFolder) : NO_LISTS
  const notes = [...cuts, ...notesOf({ timeline, next, hasKey, missing, stateFolder })]
  return whatIf({ timeline, next, hasKey, listed, notes })
}

/** Where they are not asked. */
const NO_LISTS: ReadLists = { listed: new Map(), missing: [] }

function settingsOf(loaded: LoadedConfig): Settings {
  return new SecretRegistry().prepare(loaded).settings
}

/** Undefined where this host does not have the key of all of them. */
function cipherFor(traces: readonly ReadTrace[], stateFolder: string): PrefixCipher | undefined {
  const key = readTraceKey(stateFolder)
  if (key === undefined) return undefined
  const id = keyIdOf(key)
  return traces.every(({ start }) => start.keyId === id) ? new PrefixCipher(key) : undefined
}
