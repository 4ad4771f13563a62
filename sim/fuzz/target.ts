/** One parser, and what must hold for every input of it. */
export interface Target {
  /** Longest input that is tried, bytes. */
  readonly bytesMax: number
  /** What it is fuzzed from: good inputs of every kind, small ones first. */
  readonly seeds: () => readonly Uint8Array[]
  /** What else inputs are made of; texts and numbers of the code itself are known. */
  readonly tokens?: readonly (string | Uint8Array)[]
  /** Throws where anything is not as it must be. What it returns is the same on every runtime. */
  readonly run: (input: Uint8Array) => unknown
  /** Most branches that an input may take, per byte and beside: 200 and 20,000 unless said. */
  readonly work?: { readonly perByte: number; readonly fixed: number }
}

/** An oracle of a target says no. */
export class Broken extends Error {}

export function must(condition: boolean, why: string): asserts condition {
  if (!condition) throw new Broken(why)
}

/** Compares values, not identities; a field that is undefined is one that is missing. */
export function mustBeSame(found: unknown, expected: unknown, why: string): void {
  if (isSame(found, expected)) return
  const [a, b] = [shown(found), shown(expected)]
  throw new Broken(`${why}: ${a.slice(0, 300)} and not ${b.slice(0, 300)}`)
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  if (a instanceof Map && b instanceof Map) return isSame([...a], [...b])
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, at) => isSame(each, b[at]))
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
  for (const name in left) if (!isSame(left[name], right[name])) return false
  for (const name in right) if (right[name] !== undefined && left[name] === undefined) return false
  return true
}

/** A value as text, the same for the same value on every runtime. */
export function shown(value: unknown): string {
  const plain = function (this: Record<string, unknown>, key: string, each: unknown): unknown {
    // What it was before a Buffer said how it wants to be written.
    const raw = this[key]
    if (typeof raw === 'bigint') return `${raw}n`
    if (raw instanceof Uint8Array) return `hex ${Buffer.from(raw).toString('hex')}`
    return raw instanceof Map ? [...raw.entries()] : each
  }
  return JSON.stringify(value, plain) ?? 'undefined'
}
