import { dirname, resolve } from 'node:path'
import type { z } from 'zod'
import { assert } from '../core/assert.ts'
import { crossChecks, type CrossProblem } from './cross-checks.ts'
import { ConfigDocument, readToml, type Path } from './document.ts'
import { readKeys, readTextFile, whyUnreadable, type FileReader } from './key-files.ts'
import { applyOverrides } from './overrides.ts'
import { describeFound, type Problem } from './problem.ts'
import { configSchema, findKey, KEYS, SECTIONS, type Config } from './schema.ts'
import { nearest } from './suggest.ts'

/** A configuration that holds, with what was read beside it. */
export interface LoadedConfig {
  /** Paths in it are absolute, or empty for none. */
  readonly config: Config
  /** 16 bytes for each of `config.secret`, in its order; none for those that lie in a token. */
  readonly keys: readonly Uint8Array[]
  readonly warnings: readonly Problem[]
  /** Absolute; where relative paths start. */
  readonly folder: string
  /** As the operator named it. */
  readonly file: string
  /** What was read, for worker processes to read the same. */
  readonly text: string
  readonly sets: readonly string[]
}

export type LoadResult = LoadedConfig | { readonly problems: readonly Problem[] }

export interface LoadInput {
  readonly text: string
  /** How messages call the file; relative paths start at its folder. */
  readonly file: string
  /** `key=value`, which wins over the file. */
  readonly sets?: readonly string[]
  readonly read?: FileReader
}

/** Reads a file; being unreadable is a problem like any other. */
export function loadFile(file: string, sets: readonly string[] = [], read: FileReader = readTextFile): LoadResult {
  try {
    const { text, mode } = read(file)
    const result = load({ text, file, sets, read })
    if ('problems' in result || (mode & 0o077) === 0) return result
    if (!result.config.secret.some((secret) => secret.key.from === 'text')) return result
    const allowed = `holds keys, and others may read it (chmod 600 ${file})`
    return { ...result, warnings: [...result.warnings, { file, line: undefined, key: '', found: undefined, allowed }] }
  } catch (error) {
    return { problems: [{ file, line: undefined, key: '', found: undefined, allowed: whyUnreadable(error) }] }
  }
}

/** Text in; a whole configuration or every problem out. */
export function load(input: LoadInput): LoadResult {
  const document = readToml(input.text, input.file)
  return document instanceof ConfigDocument ? loadDocument(document, input) : { problems: [document] }
}

/** The same of what was read already; a part of another file may be a configuration. */
export function loadDocument(
  document: ConfigDocument,
  { text, file, sets = [], read = readTextFile }: LoadInput,
): LoadResult {
  const problems = applyOverrides(document, sets)
  const parsed = configSchema.safeParse(document.root)
  const planned = plannedProblems(document)
  problems.push(...planned)
  if (!parsed.success) {
    const isPlanned = (path: Path) => planned.some(({ key }) => isWithin(path.join('.'), key))
    for (const issue of parsed.error.issues)
      if (!isPlanned(issue.path as Path)) problems.push(...issueProblems(document, issue))
    return { problems: inOrder(problems) }
  }
  const folder = resolve(dirname(file))
  const config = withAbsolutePaths(parsed.data, folder)
  const keys = readKeys(config.secret, folder, read)
  const toProblem = ({ path, allowed, hint }: CrossProblem): Problem => ({
    ...document.placeOf(path),
    key: path.join('.'),
    found: describeFound(path, document.get(path)),
    allowed,
    hint,
  })
  problems.push(...[...crossChecks(config), ...keys.problems].map(toProblem))
  if (problems.length > 0) return { problems: inOrder(problems) }
  return { config, keys: keys.keys, warnings: keys.warnings.map(toProblem), folder, file, text, sets }
}

/** A problem of a configuration that holds by itself, found out when it met the world. */
export function problemOf({ text, file, sets }: LoadedConfig, { path, allowed, hint }: CrossProblem): Problem {
  const document = readToml(text, file)
  assert(document instanceof ConfigDocument, 'this text was read before')
  applyOverrides(document, sets)
  const found = describeFound(path, document.get(path))
  return { ...document.placeOf(path), key: path.join('.'), found, allowed, hint }
}

function issueProblems(document: ConfigDocument, issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path as Path
  if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => unknownKey(document, path, name))
  // An issue about the name in a table of freely named keys, such as the DC ids.
  const inner = issue.code === 'invalid_key' ? issue.issues[0] : issue
  const hint = inner.code === 'custom' ? (inner.params?.hint as string | undefined) : undefined
  const found = issue.code === 'invalid_key' ? JSON.stringify(path.at(-1)) : describeFound(path, document.get(path))
  return [{ ...document.placeOf(path), key: path.join('.'), found, allowed: inner.message, hint }]
}

function unknownKey(document: ConfigDocument, parent: Path, name: string): Problem {
  const key = [...parent, name].join('.')
  const hint = suggestion(parent, name)
  const allowed = `unknown key ${key}`
  return { ...document.placeOf([...parent, name]), key: '', found: undefined, allowed, hint }
}

/** A name near to it in the same table, else a table that knows a key of this very name. */
function suggestion(parent: Path, name: string): string | undefined {
  const places = [...KEYS, ...SECTIONS].map(({ path }) => path)
  const at = parent.map((part) => (typeof part === 'number' ? '*' : part)).join('.')
  const siblings = places.filter((path) => path.slice(0, -1).join('.') === at).map((path) => path.at(-1) ?? '')
  const sibling = nearest(name, siblings)
  if (sibling !== undefined) return `did you mean ${[...parent, sibling].join('.')}?`
  const elsewhere = KEYS.find((key) => key.path.at(-1) === name)
  return elsewhere === undefined ? undefined : `did you mean ${elsewhere.path.join('.')}?`
}

/** Keys whose feature is not built yet stand at their default or not at all: nothing is accepted and then ignored. */
function plannedProblems(document: ConfigDocument): Problem[] {
  const problems: Problem[] = []
  for (const path of writtenKeys(document)) {
    const about = findKey(path)
    const found = document.get(path)
    if (about?.planned === undefined || found === undefined) continue
    const isPlanned = about.planned === true ? !isSame(about.schema, found, about.initial) : about.planned(found)
    if (!isPlanned) continue
    const key = path.join('.')
    const initial = about.initial === undefined ? 'another value' : `its default ${JSON.stringify(about.initial)}`
    const hint = 'this feature is not built yet'
    problems.push({ ...document.placeOf(path), key, found: describeFound(path, found), allowed: initial, hint })
  }
  return problems
}

function writtenKeys(document: ConfigDocument): Path[] {
  return KEYS.flatMap(({ path }): Path[] => {
    if (!path.includes('*')) return [path]
    const list = document.get(path.slice(0, path.indexOf('*')))
    return Array.isArray(list) ? list.map((_, i) => path.map((name) => (name === '*' ? i : name))) : []
  })
}

function isSame(schema: z.ZodType, found: unknown, initial: unknown): boolean {
  const [a, b] = [schema.safeParse(found), schema.safeParse(initial)]
  return a.success && b.success && JSON.stringify(a.data) === JSON.stringify(b.data)
}

function isWithin(key: string, outer: string): boolean {
  return key === outer || key.startsWith(`${outer}.`)
}

function inOrder(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
}

function withAbsolutePaths(config: Config, folder: string): Config {
  const absolute = (path: string) => (path === '' ? '' : resolve(folder, path))
  const sealed = (found: Config['state']['sealed']) =>
    found?.from === 'file' ? { ...found, path: absolute(found.path) } : found
  const source = (found: string) => (found.startsWith('https://') ? found : absolute(found))
  return {
    ...config,
    admin: { ...config.admin, socket: absolute(config.admin.socket) },
    // A bare name is looked for where the system keeps its libraries.
    hsm: {
      ...config.hsm,
      module: config.hsm.module.includes('/') ? absolute(config.hsm.module) : config.hsm.module,
      pin: config.hsm.pin?.from === 'file' ? { from: 'file', path: absolute(config.hsm.pin.path) } : config.hsm.pin,
    },
    access: {
      ...config.access,
      lists: config.access.lists.map((list) => ({ ...list, source: source(list.source) })),
    },
    trace: { ...config.trace, path: absolute(config.trace.path) },
    state: { ...config.state, path: absolute(config.state.path), sealed: sealed(config.state.sealed) },
    telegram: {
      ...config.telegram,
      middle: {
        ...config.telegram.middle,
        secret: source(config.telegram.middle.secret),
        config: source(config.telegram.middle.config),
        config_v6: source(config.telegram.middle.config_v6),
      },
    },
  }
}
