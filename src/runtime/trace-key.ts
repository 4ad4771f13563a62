import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromHex, toHex } from '../core/protocol/bytes.ts'
import type { Random } from '../core/ports.ts'
import { PREFIX_KEY_BYTES } from '../observe/trace/prefix-cipher.ts'
import { errorCode } from './network.ts'

const NAME = 'trace.key'

/**
 * The key under which traces of this state folder have their addresses: 64 hex digits in a file of its owner's. Made once, by whichever
 * process comes first. Throws as node:fs does, and an error that says so for a file that holds no key.
 */
export function openTraceKey(folder: string, random: Random): Uint8Array {
  const known = readTraceKey(folder)
  if (known !== undefined) return known
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, NAME)
  // A link is there whole or not at all, so that no other process reads half a key.
  const made = `${path}.${process.pid}`
  writeFileSync(made, `${toHex(random.fill(new Uint8Array(PREFIX_KEY_BYTES)))}\n`, { mode: 0o600 })
  try {
    linkSync(made, path)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  } finally {
    rmSync(made, { force: true })
  }
  const key = readTraceKey(folder)
  if (key === undefined) throw new Error(`${path} is gone`)
  return key
}

/** Undefined where there is none. Throws like `openTraceKey`. */
export function readTraceKey(folder: string): Uint8Array | undefined {
  const path = join(folder, NAME)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  const key = fromHex(text.trim())
  if (key?.length !== PREFIX_KEY_BYTES) throw new Error(`${path} holds no key: 64 hex digits and nothing else`)
  return key
}
