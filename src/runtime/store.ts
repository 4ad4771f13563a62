import { mkdirSync } from 'node:fs'
import { ClassicLevel } from 'classic-level'
import { assert } from '../core/assert.ts'
import type { Store } from '../core/ports.ts'
import { errorCode } from './network.ts'

/** The contract's bound on a value, and what sealing puts around it (`vault/sealed-store.ts`). */
const VALUE_MAX_BYTES = (1 << 20) + 64
/** Descriptors LevelDB may hold; its default of 1000 would eat into those of connections. */
const FILES_MAX = 64
const KEY = /^[\x21-\x7e]{1,255}$/

export interface LevelStore extends Store {
  /** Calls that failed, since the start: the disk is full, or breaks. */
  readonly failures: number
  /** Of all values, once; undefined where that failed. */
  names(reply: (names: readonly string[] | undefined) => void): void
  /** Ends what is under way and gives the directory free. Later calls answer undefined or false. */
  close(done: () => void): void
}

/** `code`: as the system or LevelDB names it. `message`: one line for the operator. */
export interface StoreError {
  readonly code: string
  readonly message: string
}

/** Opens, or makes, the store in `directory`; one process at a time. Answers once, never at once. */
export function openStore(
  directory: string,
  reply: (result: LevelStore | { readonly error: StoreError }) => void,
): void {
  let db: Database
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    db = new ClassicLevel<string, Uint8Array>(directory, {
      keyEncoding: 'utf8',
      valueEncoding: 'view',
      maxOpenFiles: FILES_MAX,
    })
  } catch (error) {
    setImmediate(() => reply({ error: openError(directory, error) }))
    return
  }
  db.open().then(
    () => reply(new OpenStore(db)),
    (error: unknown) => reply({ error: openError(directory, error) }),
  )
}

type Database = ClassicLevel<string, Uint8Array>

class OpenStore implements LevelStore {
  readonly #db: Database
  failures = 0

  constructor(db: Database) {
    this.#db = db
  }

  get(key: string, reply: (value: Uint8Array | undefined) => void): void {
    assert(KEY.test(key), 'keys are printable ASCII')
    this.#db.get(key).then(reply, () => {
      this.failures++
      reply(undefined)
    })
  }

  put(key: string, value: Uint8Array, reply?: (isDurable: boolean) => void): void {
    assert(KEY.test(key), 'keys are printable ASCII')
    assert(value.length <= VALUE_MAX_BYTES, 'values are small')
    // LevelDB reads the value on another thread, later; the caller may have written over it by then.
    this.#answer(this.#db.put(key, value.slice(), { sync: true }), reply)
  }

  delete(key: string, reply?: (isDurable: boolean) => void): void {
    assert(KEY.test(key), 'keys are printable ASCII')
    this.#answer(this.#db.del(key, { sync: true }), reply)
  }

  names(reply: (names: readonly string[] | undefined) => void): void {
    this.#db
      .keys()
      .all()
      .then(reply, () => {
        this.failures++
        reply(undefined)
      })
  }

  close(done: () => void): void {
    this.#db.close().then(done, () => {
      this.failures++
      done()
    })
  }

  #answer(work: Promise<void>, reply: ((isDurable: boolean) => void) | undefined): void {
    work.then(
      () => reply?.(true),
      () => {
        this.failures++
        reply?.(false)
      },
    )
  }
}

function openError(directory: string, error: unknown): StoreError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = errorCode(cause)
  if (code === 'LEVEL_LOCKED') return { code, message: `the state in ${directory} is in use by another process` }
  const why = cause instanceof Error ? cause.message.split('\n', 1)[0] : 'unknown'
  return { code, message: `cannot open the state in ${directory}: ${why}` }
}
