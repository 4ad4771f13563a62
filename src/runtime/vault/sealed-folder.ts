import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { SealedShelf } from '../../vault/sealed.ts'
import { errorCode } from '../network.ts'

/** A folder with a file for each sealed secret, of the label's name: labels are letters, digits, ".", "_" and "-". */
export class SealedFolder implements SealedShelf {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  get path(): string {
    return this.#path
  }

  /** In their order. Endings keep a label such as ".." from being a path. */
  labels(): readonly string[] {
    try {
      return readdirSync(this.#path)
        .flatMap((name) => (name.endsWith(ENDING) ? [name.slice(0, -ENDING.length)] : []))
        .sort()
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return []
      throw error
    }
  }

  read(label: string): Uint8Array | { readonly fault: string } | undefined {
    const file = this.#fileOf(label)
    try {
      return readFileSync(file)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      return { fault: `${file} cannot be read: ${errorCode(error)}` }
    }
  }

  /** On the disk when it returns, for the owner alone. False: there is one of that label. */
  add(label: string, sealed: Uint8Array): boolean {
    mkdirSync(this.#path, { recursive: true, mode: 0o700 })
    let fd: number
    try {
      fd = openSync(this.#fileOf(label), 'wx', 0o600)
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return false
      throw error
    }
    try {
      writeSync(fd, sealed)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    // Its name, too, has to be there after a loss of power: its link was shown once.
    const folder = openSync(this.#path, 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
    return true
  }

  /** Harmless where there is none. */
  remove(label: string): void {
    rmSync(this.#fileOf(label), { force: true })
  }

  #fileOf(label: string): string {
    return join(this.#path, `${label}${ENDING}`)
  }
}

const ENDING = '.sealed'
