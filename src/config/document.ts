import { parseTOML } from 'toml-eslint-parser'
import type { AST } from 'toml-eslint-parser'
import type { Problem } from './problem.ts'

/** Tables have no prototype, so that no name in a file means anything but itself. */
export type Table = { [name: string]: Value }
export type Value = string | number | boolean | Value[] | Table
export type Path = readonly (string | number)[]

/** 1-based. */
interface Columns {
  readonly key: number
  readonly value: number
}

export interface Place {
  readonly file: string
  readonly line: number | undefined
}

/** What a configuration says, and where it says so. */
export class ConfigDocument {
  readonly root: Table = table()
  readonly file: string
  readonly #places = new Map<string, Place>()
  readonly #columns = new Map<string, Columns>()

  constructor(file: string) {
    this.file = file
  }

  /** Where `path`, or the nearest table around it, was written. */
  placeOf(path: Path): Place {
    for (let length = path.length; length > 0; length--) {
      const place = this.#places.get(placeKey(path.slice(0, length)))
      if (place !== undefined) return place
    }
    return { file: this.file, line: undefined }
  }

  /** Where on its line a key or its value begins, or the nearest table around it; 1-based. */
  columnOf(path: Path, part: keyof Columns): number | undefined {
    for (let length = path.length; length > 0; length--) {
      const columns = this.#columns.get(placeKey(path.slice(0, length)))
      if (columns !== undefined) return columns[length === path.length ? part : 'key']
    }
    return undefined
  }

  get(path: Path): Value | undefined {
    let at: Value | undefined = this.root
    for (const name of path) at = typeof at === 'object' ? (at as Table)[name] : undefined
    return at
  }

  /** Makes the tables and lists on the way. False when something else than a table or list is in the way. */
  set(path: Path, found: Value, place: Place): boolean {
    let at: Table = this.root
    for (const [i, name] of path.slice(0, -1).entries()) {
      if (!fits(at, name)) return false
      at[name] ??= typeof path[i + 1] === 'number' ? [] : table()
      const next = at[name]
      if (typeof next !== 'object') return false
      at = next as Table
    }
    const last = path[path.length - 1]
    if (!fits(at, last)) return false
    at[last] = found
    this.mark(path, place)
    return true
  }

  /** The table `name` as a document of its own, which knows where its values were written; undefined when it is no table. */
  below(name: string): ConfigDocument | undefined {
    const found = this.root[name] ?? table()
    if (typeof found !== 'object' || Array.isArray(found)) return undefined
    const inner = new ConfigDocument(this.file)
    Object.assign(inner.root, found)
    const prefix = `${name}\0`
    for (const [key, place] of this.#places)
      if (key.startsWith(prefix)) inner.#places.set(key.slice(prefix.length), place)
    return inner
  }

  mark(path: Path, place: Place): void {
    this.#places.set(placeKey(path), place)
  }

  /** Counted from 0. */
  markColumns(path: Path, key: number, value: number): void {
    this.#columns.set(placeKey(path), { key: key + 1, value: value + 1 })
  }
}

/** Reads TOML 1.0. Syntax errors come one at a time: behind the first one nothing can be trusted. */
export function readToml(text: string, file: string): ConfigDocument | Problem {
  let program: AST.TOMLProgram
  try {
    program = parseTOML(text)
  } catch (error) {
    const { message, lineNumber = 1, column } = error as { message: string; lineNumber?: number; column?: number }
    // A missing value is noticed behind the end of its line.
    const isBehind = message.startsWith('Unspecified') && column === 0
    const place = { file, line: isBehind ? lineNumber - 1 : lineNumber }
    const exact = isBehind || column === undefined ? place : { ...place, column: column + 1 }
    return { ...exact, key: '', found: undefined, allowed: `not valid TOML: ${message}` }
  }
  const document = new ConfigDocument(file)
  const top = program.body[0]
  for (const node of top.body) {
    if (node.type === 'TOMLKeyValue') put(document, file, [], node)
    else {
      const place = { file, line: node.loc.start.line }
      const { column } = node.loc.start
      if (node.kind === 'array' && node.resolvedKey.at(-1) === 0) {
        document.mark(node.resolvedKey.slice(0, -1), place)
        document.markColumns(node.resolvedKey.slice(0, -1), column, column)
      }
      document.markColumns(node.resolvedKey, column, column)
      if (document.get(node.resolvedKey) === undefined) document.set(node.resolvedKey, table(), place)
      for (const pair of node.body) put(document, file, node.resolvedKey, pair)
    }
  }
  return document
}

/** A value as it would stand behind `key =`; undefined when it is none. */
export function readTomlValue(text: string): Value | undefined {
  const read = readToml(`v = ${text}`, '')
  return read instanceof ConfigDocument && Object.keys(read.root).length === 1 ? read.root.v : undefined
}

function put(document: ConfigDocument, file: string, base: Path, pair: AST.TOMLKeyValue): void {
  const path = [...base, ...pair.key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value))]
  const place = { file, line: pair.loc.start.line }
  document.set(path, plain(pair.value), place)
  markBelow(document, file, path, pair.value)
  document.markColumns(path, pair.loc.start.column, pair.value.loc.start.column)
}

/** Values inside lists and inline tables may stand on lines of their own. */
function markBelow(document: ConfigDocument, file: string, path: Path, node: AST.TOMLContentNode): void {
  document.mark(path, { file, line: node.loc.start.line })
  document.markColumns(path, node.loc.start.column, node.loc.start.column)
  if (node.type === 'TOMLArray') node.elements.forEach((element, i) => markBelow(document, file, [...path, i], element))
  if (node.type === 'TOMLInlineTable')
    for (const pair of node.body) {
      const inner = [...path, ...pair.key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value))]
      markBelow(document, file, inner, pair.value)
      document.markColumns(inner, pair.loc.start.column, pair.value.loc.start.column)
    }
}

function plain(node: AST.TOMLContentNode): Value {
  if (node.type === 'TOMLArray') return node.elements.map(plain)
  if (node.type === 'TOMLInlineTable') {
    const inner = new ConfigDocument('')
    for (const pair of node.body) put(inner, '', [], pair)
    return inner.root
  }
  // Dates stay text: the schema reads them, and a time zone of the machine must not come in.
  return 'datetime' in node ? node.datetime : node.value
}

/** Lists have numbered places without gaps, tables have names. */
function fits(at: Table | Value[], name: string | number): boolean {
  return !Array.isArray(at) || (typeof name === 'number' && name <= at.length)
}

function table(): Table {
  return Object.create(null) as Table
}

function placeKey(path: Path): string {
  return path.join('\0')
}
