import { createHash } from 'node:crypto'
import { assert } from '../../../src/core/assert.ts'
import { ConfigDocument, readToml, type Path, type Value } from '../../../src/config/document.ts'
import { loadDocument, type LoadResult } from '../../../src/config/load.ts'
import { describeFound, type Problem } from '../../../src/config/problem.ts'
import { SecretRegistry } from '../../../src/config/settings.ts'
import { nearest } from '../../../src/config/suggest.ts'
import type { SecretSettings, Settings } from '../../../src/core/settings.ts'
import { contradictions } from './contradictions.ts'
import { scenarioSchema, type ScenarioFile } from './schema.ts'

/** The host that the clients of a scenario pretend to visit, unless its configuration says otherwise. */
export const DOMAIN = 'www.example.com'

/** A scenario that holds: what its file says, and the configuration under test as the core takes it. */
export interface Scenario extends ScenarioFile {
  readonly settings: Settings
  /** 16 bytes each, by the index of the secret. */
  readonly keys: readonly Uint8Array[]
  /** What newcomers get while the HSM is gone. */
  readonly onVaultOutage: 'wait' | 'mask'
  /** By the index of the fault: what a reload changes the settings to; undefined for other faults. */
  readonly reloads: readonly (Settings | undefined)[]
}

/** Text in; a scenario, or every problem with it, each with its line and column. `file` is how messages call it. */
export function readScenario(text: string, file: string): Scenario | { readonly problems: readonly Problem[] } {
  const document = readToml(text, file)
  if (!(document instanceof ConfigDocument)) return { problems: [document] }
  const registry = new SecretRegistry()
  const parsed = readPlan(document)
  const problems = [...parsed.problems]
  const loaded = readConfig(document, text, parsed.plan?.secrets ?? 1)
  if ('problems' in loaded) problems.push(...loaded.problems.map((problem) => below(problem, 'config')))
  const settings = 'problems' in loaded ? undefined : registry.prepare(loaded).settings
  if (settings !== undefined && !settings.secrets.some(isForClients))
    problems.push(problemAt(document, ['config', 'secret'], 'one that clients can use by fake TLS', 'none'))
  const { plan } = parsed
  const faults = document.get(['fault'])
  const reloads = (Array.isArray(faults) ? faults : []).map((_, at) => readReload(document, text, loaded, at))
  for (const reload of reloads) if (reload !== undefined && 'problems' in reload) problems.push(...reload.problems)
  if (problems.length > 0 || plan === undefined || settings === undefined || 'problems' in loaded)
    return { problems: inOrder(problems.map((problem) => withColumn(document, problem))) }
  const { keys, config } = loaded
  return {
    ...{ ...plan, settings, keys, onVaultOutage: config.hsm.outage },
    reloads: reloads.map((reload) => (reload && 'config' in reload ? registry.prepare(reload).settings : undefined)),
  }
}

/** All but its configuration. */
function readPlan(document: ConfigDocument): { readonly plan?: ScenarioFile; readonly problems: readonly Problem[] } {
  const rest = Object.entries(document.root).filter(([name]) => name !== 'config')
  const parsed = scenarioSchema.safeParse(Object.fromEntries(rest))
  const problems = contradictions(document).map(({ path, allowed }) => problemAt(document, path, allowed))
  if (parsed.success) return { plan: parsed.data, problems }
  for (const issue of parsed.error.issues) {
    const path = issue.path as Path
    if (issue.code === 'unrecognized_keys')
      problems.push(...issue.keys.map((name) => unknownKey(document, path, issue.message, name)))
    else {
      const hint = issue.code === 'custom' ? (issue.params?.hint as string | undefined) : undefined
      problems.push({ ...problemAt(document, path, issue.message), ...(hint === undefined ? {} : { hint }) })
    }
  }
  return { problems }
}

function readConfig(document: ConfigDocument, text: string, secrets: number): LoadResult {
  const { file } = document
  const config = document.below('config')
  if (config === undefined) return { problems: [{ ...problemAt(document, ['config'], 'a table', 'a value'), key: '' }] }
  fillIn(config, secrets)
  return loadDocument(config, { text, file, read: noFile })
}

/** What the configuration `base` is behind fault `at`; undefined: no other than before. */
function readReload(document: ConfigDocument, text: string, base: LoadResult, at: number): LoadResult | undefined {
  const over = document.get(['fault', at, 'config'])
  if (typeof over !== 'object' || document.get(['fault', at, 'kind']) !== 'reload') return undefined
  const prefix = ['fault', at, 'config'] as const
  if ('secret' in over)
    return { problems: [problemAt(document, [...prefix, 'secret'], 'nothing: secrets stay as they are')] }
  const { file } = document
  // A document of its own, as it is changed.
  const again = readToml(text, file)
  assert(again instanceof ConfigDocument, 'it was read before')
  const config = again.below('config')
  assert(config !== undefined, 'it was a table before')
  const secrets = document.get(['secrets'])
  fillIn(config, typeof secrets === 'number' ? secrets : 1)
  const lines = new Set<number | undefined>()
  for (const { path, found } of leaves(over)) {
    const place = document.placeOf([...prefix, ...path])
    lines.add(place.line)
    config.set(path, found, place)
  }
  const loaded = loadDocument(config, { text, file, read: noFile })
  if (!('problems' in loaded)) return loaded
  // What is wrong with [config] itself has been told.
  const own = 'problems' in base ? loaded.problems.filter(({ line }) => lines.has(line)) : loaded.problems
  return { problems: own.map((problem) => below(problem, prefix.join('.'))) }
}

function leaves(found: Value, path: Path = []): readonly { readonly path: Path; readonly found: Value }[] {
  if (typeof found !== 'object' || Array.isArray(found)) return [{ path, found }]
  return Object.entries(found).flatMap(([name, inner]) => leaves(inner, [...path, name]))
}

/** Whether the honest clients of a scenario, who speak fake TLS, can use it. */
export function isForClients({ modes, access, expiresAt }: SecretSettings): boolean {
  return modes.includes('fake-tls') && access !== 'none' && expiresAt === 0
}

function problemAt(document: ConfigDocument, path: Path, allowed: string, found?: string): Problem {
  const shown = found ?? describeFound(path, document.get(path))
  return { ...document.placeOf(path), key: path.join('.'), found: shown, allowed }
}

function unknownKey(document: ConfigDocument, parent: Path, known: string, name: string): Problem {
  const path = [...parent, name]
  const near = nearest(name, known.replace('one of ', '').split(', '))
  const hint = near === undefined ? known : `did you mean ${near}?`
  return { ...document.placeOf(path), key: '', found: undefined, allowed: `unknown key ${path.join('.')}`, hint }
}

/** Of an unknown key where it begins, else where its value does. */
function withColumn(document: ConfigDocument, problem: Problem): Problem {
  const isUnknown = problem.key === ''
  const name = isUnknown ? problem.allowed.replace(/^unknown key /, '') : problem.key
  const path = name.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part))
  return { ...problem, column: document.columnOf(path, isUnknown ? 'key' : 'value') }
}

function inOrder(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
}

/** Secrets, where it names none, and the direct way: Telegram's files and middle proxies are not part of these scenes. */
function fillIn(config: ConfigDocument, secrets: number): void {
  const set = (path: Path, value: Value) => {
    if (config.get(path) === undefined) config.set(path, value, config.placeOf(path.slice(0, 1)))
  }
  set(['telegram', 'mode'], 'direct')
  if (config.get(['secret']) !== undefined) return
  for (let at = 0; at < secrets; at++) {
    set(['secret', at, 'name'], `user-${at + 1}`)
    set(['secret', at, 'key'], createHash('sha256').update(`secret ${at}`).digest('hex').slice(0, 32))
    set(['secret', at, 'domain'], DOMAIN)
  }
}

/** A problem of a configuration, as one of the file that it is a part of. */
function below(problem: Problem, table: string): Problem {
  const { key, allowed } = problem
  if (key !== '') return { ...problem, key: `${table}.${key}` }
  return { ...problem, allowed: allowed.replace(/^unknown key /, `unknown key ${table}.`) }
}

function noFile(): never {
  throw Object.assign(new Error('a scenario reads no other file'), { code: 'ENOENT' })
}
