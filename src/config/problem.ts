import { KEYS } from './schema.ts'

/** One thing wrong in the configuration. All of them are reported at once. */
export interface Problem {
  /** The file's name, or "--set". */
  readonly file: string
  /** 1-based; undefined where no line can be named. */
  readonly line: number | undefined
  /** 1-based; told in files that are written with an editor's help. */
  readonly column?: number | undefined
  /** Names joined by dots, such as `secret.0.domain`; empty when it is about the whole. */
  readonly key: string
  /** What stands there; a sensitive value is described instead. Undefined when nothing does. */
  readonly found: string | undefined
  /** What may stand there, to follow "expected"; or the whole sentence, when `key` is empty. */
  readonly allowed: string
  readonly hint?: string
}

const FOUND_MAX = 60
/** Names may be of any length; longer than all that we say ourselves. */
const LINE_MAX = 1_000

/** `palisade.toml:7: guard.block_for: expected a duration such as "30s", got 10 (did you mean "10s"?)` */
export function formatProblem(problem: Problem): string {
  const { file, line, column, key, found, allowed, hint } = problem
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  const what = key === '' ? allowed : `${key}: expected ${allowed}, got ${found ?? 'nothing'}`
  // Shortened when no key can be in it any more: a part of one would be too much as well.
  return clip(asLine(`${place}: ${what}${hint === undefined ? '' : ` (${hint})`}`), LINE_MAX)
}

/** Names come from the file too: they may hold anything, and a key that was put in the place of one. */
function asLine(text: string): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return text
    .replaceAll(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, escaped)
    .replaceAll(/[0-9a-f]{32,}/gi, (digits) => `(${digits.length} hex digits)`)
}

/** A value as a message may show it: short, on one line, and never when it is sensitive. */
export function describeFound(path: readonly (string | number)[], found: unknown): string | undefined {
  if (found === undefined) return undefined
  if (mayBeSensitive(path) && !isLabel(found))
    return typeof found === 'string' ? `a text of ${found.length} characters` : `a ${typeof found}`
  if (Array.isArray(found)) return found.length === 0 ? 'an empty list' : clip(JSON.stringify(found))
  if (typeof found === 'object' && found !== null) return 'a table'
  return clip(JSON.stringify(found))
}

/** What a secret is called in a token is none itself; unless it is a key by its looks, put there by mistake. */
function isLabel(found: unknown): boolean {
  return typeof found === 'string' && /^hsm:(?![0-9a-f]{32})[\w.-]{1,64}$/i.test(found)
}

/** Whether the place is in, or holds, a key that must not be repeated. */
function mayBeSensitive(path: readonly (string | number)[]): boolean {
  return KEYS.some(
    (key) =>
      key.isSensitive === true && key.path.every((name, i) => i >= path.length || name === '*' || name === path[i]),
  )
}

function clip(text: string, most = FOUND_MAX): string {
  return text.length <= most ? text : `${text.slice(0, most)}...`
}
