import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadedConfig } from '../../config/load.ts'
import { isAlive } from '../../runtime/processes.ts'
import { CliError, EXIT } from '../exit.ts'

const NAME = 'hsm.lock'
/** One that was left by a process that is gone, and then ours. */
const TRIES = 2

/**
 * Runs `act` while no other command of this configuration changes a token: PKCS#11 has no lock for that. The lock is a file with our
 * process number in the state folder; that of a process that died does not count. Throws a `CliError` where another one has it.
 */
export function withLock<T>({ config }: LoadedConfig, act: () => T): T {
  const { path: folder } = config.state
  const path = join(folder, NAME)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  take(path)
  try {
    return act()
  } finally {
    rmSync(path, { force: true })
  }
}

function take(path: string): void {
  // It appears with our number in it, and not before.
  const own = `${path}.${process.pid}`
  writeFileSync(own, `${process.pid}\n`, { mode: 0o600 })
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      if (hasLinked(own, path)) return
      const holder = holderOf(path)
      if (holder !== undefined && isAlive(holder)) throw taken(`process ${holder}`)
      rmSync(path, { force: true })
    }
    throw taken('a process')
  } finally {
    rmSync(own, { force: true })
  }
}

function hasLinked(own: string, path: string): boolean {
  try {
    linkSync(own, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function holderOf(path: string): number | undefined {
  try {
    const found = Number(readFileSync(path, 'utf8'))
    return Number.isInteger(found) && found > 0 ? found : undefined
  } catch {
    // It was given back meanwhile.
    return undefined
  }
}

function taken(who: string): CliError {
  return new CliError(EXIT.failed, `another command changes it at this moment (${who}); try again`)
}
