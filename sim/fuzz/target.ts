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

/** Both as JSON; big numbers and bytes are written as text. */
export function mustBeSame(found: unknown, expected: unknown, why: string): void {
  const [a, b] = [shown(found), shown(expected)]
  if (a !== b) throw new Broken(`${why}: ${a.slice(0, 300)} and not ${b.slice(0, 300)}`)
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
