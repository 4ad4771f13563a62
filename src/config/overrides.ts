import { z } from 'zod'
import { readTomlValue, type ConfigDocument, type Path, type Value } from './document.ts'
import type { Problem } from './problem.ts'
import { findKey } from './schema.ts'

export const SET_ORIGIN = '--set'

/**
 * Merges `key=value` texts, the last of one key wins. The value is TOML; text that is none stands for itself, so quotes may
 * be left away, and becomes a list where the key wants one (`listen.address=0.0.0.0:443,[::]:443`).
 */
export function applyOverrides(document: ConfigDocument, sets: readonly string[]): Problem[] {
  const problems: Problem[] = []
  for (const set of sets) {
    const equals = set.indexOf('=')
    const path = equals < 0 ? undefined : readPath(set.slice(0, equals).trim())
    if (path === undefined) problems.push(wrong('', 'wants key=value, such as --set log.level=debug'))
    else if (!document.set(path, readValue(path, set.slice(equals + 1).trim()), { file: SET_ORIGIN, line: undefined }))
      problems.push(wrong(path.join('.'), 'a place in the configuration'))
  }
  return problems
}

function wrong(key: string, allowed: string): Problem {
  return { file: SET_ORIGIN, line: undefined, key, found: undefined, allowed }
}

/** Names joined by dots; whole numbers are places in a list, but for DC ids, which are names. */
function readPath(text: string): Path | undefined {
  const names = text.split('.').map((name) => name.replace(/^"(.*)"$/, '$1'))
  if (names.some((name) => name === '')) return undefined
  const isDc = names[0] === 'telegram' && names[1] === 'dc'
  return names.map((name) => (!isDc && /^\d{1,4}$/.test(name) ? Number(name) : name))
}

function readValue(path: Path, text: string): Value {
  const value = readTomlValue(text)
  if (value !== undefined) return value
  const schema = findKey(path)?.schema
  const isList = schema instanceof z.ZodPrefault && schema.def.innerType instanceof z.ZodArray
  return isList || (path[0] === 'telegram' && path[1] === 'dc') ? text.split(',').map((part) => part.trim()) : text
}
