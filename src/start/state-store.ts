import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Store } from '../core/ports.ts'
import type { LevelStore, Runtime } from '../runtime/index.ts'
import { SealedStore } from '../vault/sealed-store.ts'
import { StartError } from './errors.ts'
import { keyFile, sealedFolder, type StateKey } from './seal.ts'

/**
 * The store lies in `store` of the state's folder; where it is sealed, key and store lie in `sealed` instead. That folder appears whole:
 * a state that was written in the clear is sealed into a draft, which then takes its name, and only then is the old one removed.
 */

const STORE = 'store'

export interface StateStoreOptions {
  readonly runtime: Runtime
  /** Of the state. */
  readonly folder: string
  /** Undefined: in the clear. */
  readonly seal: StateKey | undefined
  /** A value that does not open, by its name. */
  readonly onBroken: (name: string) => void
}

export interface StateStore {
  /** What is used. */
  readonly store: Store
  /** What is to be closed. */
  readonly level: LevelStore
}

/** Opens the store, and seals what is there where that is new. Rejects with a `StartError`. */
export async function openStateStore(options: StateStoreOptions): Promise<StateStore> {
  const { runtime, folder, seal } = options
  const clear = join(folder, STORE)
  if (seal === undefined) {
    const level = await open(runtime, clear)
    return { store: level, level }
  }
  const sealed = sealedFolder(folder)
  if (!existsSync(sealed)) await sealAll(options, clear, sealed, seal).catch(whySealing)
  // Here still where a crash came between the two.
  rmSync(clear, { recursive: true, force: true })
  const level = await open(runtime, join(sealed, STORE))
  return { store: sealedOver(level, options, seal), level }
}

async function sealAll(options: StateStoreOptions, clear: string, sealed: string, seal: StateKey): Promise<void> {
  const draft = `${sealed}.draft`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true, mode: 0o700 })
  writeWhole(keyFile(draft), seal.sealed)
  const to = await open(options.runtime, join(draft, STORE))
  try {
    if (existsSync(clear)) {
      const from = await open(options.runtime, clear)
      try {
        await copy(from, sealedOver(to, options, seal))
      } finally {
        await close(from)
      }
    }
  } finally {
    await close(to)
  }
  syncFolder(draft)
  renameSync(draft, sealed)
  syncFolder(options.folder)
}

function sealedOver(store: Store, { runtime, onBroken }: StateStoreOptions, { key }: StateKey): Store {
  return new SealedStore({ store, key, random: runtime.random, onBroken })
}

/** One after the other: what is there is small, and this is done once. */
async function copy(from: LevelStore, to: Store): Promise<void> {
  const names = await new Promise<readonly string[] | undefined>((resolve) => from.names(resolve))
  for (const name of names ?? failed()) {
    const value = await new Promise<Uint8Array | undefined>((resolve) => from.get(name, resolve))
    if (value === undefined) failed()
    else if (!(await new Promise<boolean>((resolve) => to.put(name, value, resolve)))) failed()
  }
}

function whySealing(error: unknown): never {
  if (error instanceof StartError) throw error
  throw new StartError(`the state cannot be sealed: ${error instanceof Error ? error.message : 'unknown'}`)
}

function failed(): never {
  throw new StartError('the state cannot be sealed: its store fails; it stays as it was')
}

export function open(runtime: Runtime, directory: string): Promise<LevelStore> {
  return new Promise((resolve, reject) => {
    runtime.openStore(directory, (result) => {
      if ('error' in result) reject(new StartError(result.error.message))
      else resolve(result)
    })
  })
}

function close(level: LevelStore): Promise<void> {
  return new Promise((done) => level.close(done))
}

/** On the disk when it returns, for the owner alone. */
function writeWhole(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'wx', 0o600)
  try {
    writeSync(fd, bytes)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r')
  fsyncSync(fd)
  closeSync(fd)
}
