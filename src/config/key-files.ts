import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { toHex } from '../core/protocol/bytes.ts'
import type { CrossProblem } from './cross-checks.ts'
import type { SecretConfig } from './schema.ts'
import { KEY_ALLOWED, keyHint, readKey } from './values/secret-key.ts'

/** Reads a file as text, at most `FILE_MAX` bytes of it; throws as node:fs does. */
export interface FileReader {
  (path: string): { readonly text: string; readonly mode: number }
}

const FILE_MAX = 64 * 1024
/** Read or write by the group or by others. */
const OTHERS = 0o077

export const readTextFile: FileReader = (path) => {
  const { mode, size } = statSync(path)
  if (size > FILE_MAX * 16) throw Object.assign(new Error('too large'), { code: 'EFBIG' })
  return { text: readFileSync(path, 'utf8'), mode }
}

export interface Keys {
  /** One for each secret, in their order; empty where it could not be read, or lies in a token. */
  readonly keys: readonly Uint8Array[]
  readonly problems: readonly CrossProblem[]
  readonly warnings: readonly CrossProblem[]
}

/** The 16 bytes of every secret, from the configuration or from the file that it names. */
export function readKeys(secrets: readonly SecretConfig[], folder: string, read: FileReader): Keys {
  const problems: CrossProblem[] = []
  const warnings: CrossProblem[] = []
  const owners = new Map<string, number>()
  const keys = secrets.map((secret, i) => {
    const path = ['secret', i, 'key']
    const result = readSource(secret, folder, read)
    if (result.problem !== undefined) problems.push({ path, ...result.problem })
    if (result.warning !== undefined) warnings.push({ path, allowed: result.warning })
    if (result.key === undefined) return new Uint8Array(0)
    const name = digest(result.key)
    const owner = owners.get(name)
    if (owner !== undefined) problems.push({ path, allowed: `a key of its own; secret.${owner} has this one` })
    owners.set(name, owner ?? i)
    return result.key
  })
  return { keys, problems, warnings }
}

/** Names a key where the key itself must not lie about. */
export function digest(key: Uint8Array): string {
  return toHex(createHash('sha256').update(key).digest())
}

interface Source {
  readonly key?: Uint8Array
  readonly problem?: { readonly allowed: string; readonly hint?: string }
  readonly warning?: string
}

function readSource({ key: source }: SecretConfig, folder: string, read: FileReader): Source {
  if (source.from === 'text') return { key: source.key }
  if (source.from === 'hsm') return {}
  const path = resolve(folder, source.path)
  try {
    const { text, mode } = read(path)
    const key = readKey(text.trim())
    if (key === undefined)
      return { problem: { allowed: `${KEY_ALLOWED} in ${path} and nothing else`, hint: keyHint(text.trim()) } }
    const warning = (mode & OTHERS) === 0 ? undefined : `${path} to be for its owner alone (chmod 600)`
    return { key, warning }
  } catch (error) {
    return { problem: { allowed: `a file that can be read, but ${path} ${whyUnreadable(error)}` } }
  }
}

/** The end of a sentence about a file that `readTextFile` threw about. */
export function whyUnreadable(error: unknown): string {
  const { code, message } = error as { code?: string; message: string }
  if (code === 'ENOENT') return 'does not exist'
  if (code === 'EACCES' || code === 'EPERM') return 'cannot be read: no permission'
  if (code === 'EISDIR') return 'is a folder'
  if (code === 'EFBIG') return 'is too large'
  return `cannot be read: ${code ?? message}`
}
