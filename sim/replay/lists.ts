import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { whyUnreadable } from '../../src/config/key-files.ts'
import { LISTED_PREFIXES_MAX } from '../../src/core/guard/access/access.ts'
import { COPY_KEY, ListCopy } from '../../src/core/guard/access/list-copy.ts'
import { LIST_BYTES_MAX, readList } from '../../src/core/guard/access/list-reader.ts'
import { shownSource } from '../../src/core/guard/access/lists.ts'
import type { Prefixes } from '../../src/core/guard/access/prefixes.ts'
import type { Settings } from '../../src/core/settings.ts'
import { digestOf, type RecordedConfig } from '../../src/observe/trace/recorded.ts'
import { openStore, type LevelStore } from '../../src/runtime/store.ts'
import { sealedFolder } from '../../src/start/seal.ts'
import type { MissingList } from './notes.ts'
import type { Listed } from './terms.ts'

export interface ReadLists {
  readonly listed: Listed
  readonly missing: readonly MissingList[]
}

/** `source`: only its digest is known of a list that the new configuration does not name. */
interface Wanted {
  readonly digest: string
  readonly source: string | undefined
}

/** A store that is written to meanwhile is copied again where the copy does not open. */
const COPIES_MAX = 3
/** LevelDB makes them anew; a lock is about the place, and not about what lies there. */
const NOT_COPIED: ReadonlySet<string> = new Set(['LOCK', 'LOG', 'LOG.old'])

/**
 * Lists of all those configurations: files as they are now, everything else, and files that are gone or broken, as the state folder
 * has it. Nobody is asked over the network.
 */
export async function readLists(
  recorded: readonly RecordedConfig[],
  next: Pick<Settings, 'access'>,
  stateFolder: string,
): Promise<ReadLists> {
  const listed = new Map<string, Prefixes>()
  const missing: MissingList[] = []
  const copies = new StoredCopies(stateFolder)
  // Those of one configuration have to have room together; what was recorded had it.
  let room = LISTED_PREFIXES_MAX
  try {
    for (const { digest, source } of wantedOf(recorded, next)) {
      const read = await readOne({ digest, source }, copies, source === undefined ? LISTED_PREFIXES_MAX : room)
      if ('why' in read) {
        missing.push({ name: source === undefined ? nameless(digest) : shownSource(source), why: read.why })
        continue
      }
      listed.set(digest, read.prefixes)
      if (source !== undefined) room -= read.prefixes.count
    }
  } finally {
    await copies.close()
  }
  return { listed, missing }
}

function wantedOf(recorded: readonly RecordedConfig[], next: Pick<Settings, 'access'>): Wanted[] {
  const wanted: Wanted[] = next.access.lists.map(({ source }) => ({ digest: digestOf(source), source }))
  const known = new Set(wanted.map(({ digest }) => digest))
  for (const { digest } of recorded.flatMap(({ access }) => access.lists)) {
    if (known.has(digest)) continue
    known.add(digest)
    wanted.push({ digest, source: undefined })
  }
  return wanted
}

function nameless(digest: string): string {
  return `a list that only the recorded configuration has (${digest})`
}

type Read = { readonly prefixes: Prefixes } | { readonly why: string }

async function readOne({ digest, source }: Wanted, copies: StoredCopies, room: number): Promise<Read> {
  const isFile = source !== undefined && !source.startsWith('https://')
  const own = isFile ? readListFile(source, room) : undefined
  if (own !== undefined && 'prefixes' in own) return own
  const file = await copies.find(digest)
  const stored = typeof file === 'string' ? { why: file } : asList(file, room, 'its copy')
  if (own === undefined || 'prefixes' in stored) return stored
  return { why: `${own.why}, and ${stored.why}` }
}

function readListFile(path: string, room: number): Read {
  try {
    if (statSync(path).size > LIST_BYTES_MAX) return { why: `it is longer than ${LIST_BYTES_MAX} bytes` }
    return asList(readFileSync(path), room, 'it')
  } catch (error) {
    return { why: `it ${whyUnreadable(error)}` }
  }
}

function asList(file: Uint8Array, room: number, what: string): Read {
  const list = readList(file, room)
  return 'fault' in list ? { why: `${what} is no list of addresses (${list.fault})` } : list
}

/**
 * Last good copies of lists in the store of a state folder. One process may have a store open, and that is the proxy: what is opened
 * here is a copy of the store, made when it is first asked.
 */
class StoredCopies {
  readonly #stateFolder: string
  #opened: Promise<OpenCopy> | undefined

  constructor(stateFolder: string) {
    this.#stateFolder = stateFolder
  }

  /** The file, or why there is none. */
  async find(digest: string): Promise<Uint8Array | string> {
    this.#opened ??= openCopy(this.#stateFolder)
    const { level, why } = await this.#opened
    if (level === undefined) return why
    const names = await new Promise<readonly string[] | undefined>((resolve) => level.names(resolve))
    // Digests in a trace are shorter than those in names.
    const isHead = (name: string) => name.startsWith(`${COPY_KEY}${digest}`) && !name.includes('-', COPY_KEY.length)
    const key = names?.find(isHead)
    const file =
      key === undefined
        ? undefined
        : await new Promise<Uint8Array | undefined>((resolve) => new ListCopy(level, key).restore(resolve))
    return file ?? `there is no copy of it in ${this.#stateFolder}`
  }

  async close(): Promise<void> {
    const opened = await this.#opened
    if (opened?.level === undefined) return
    await new Promise<void>((done) => opened.level.close(done))
    rmSync(opened.folder, { recursive: true, force: true })
  }
}

type OpenCopy =
  | { readonly level: LevelStore; readonly folder: string; readonly why?: undefined }
  | { readonly level?: undefined; readonly why: string }

async function openCopy(stateFolder: string): Promise<OpenCopy> {
  const store = join(stateFolder, 'store')
  if (existsSync(sealedFolder(stateFolder))) return { why: `copies in ${stateFolder} are sealed` }
  if (!existsSync(store)) return { why: `there is no copy of it in ${stateFolder}` }
  let why = ''
  for (let tries = 0; tries < COPIES_MAX; tries++) {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-replay-'))
    const opened = await tryCopy(store, folder)
    if (typeof opened !== 'string') return { level: opened, folder }
    rmSync(folder, { recursive: true, force: true })
    why = opened
  }
  return { why }
}

/** The store, or why its copy does not open. */
async function tryCopy(store: string, folder: string): Promise<LevelStore | string> {
  try {
    for (const name of readdirSync(store))
      if (!NOT_COPIED.has(name)) copyFileSync(join(store, name), join(folder, name))
  } catch (error) {
    return `${store} ${whyUnreadable(error)}`
  }
  const result = await new Promise<LevelStore | { error: { message: string } }>((resolve) => openStore(folder, resolve))
  return 'error' in result ? `the copy of ${store} does not open: ${result.error.message}` : result
}
