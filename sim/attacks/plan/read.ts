import { createHash } from 'node:crypto'
import { ConfigDocument, readToml, type Path, type Value } from '../../../src/config/document.ts'
import { loadDocument } from '../../../src/config/load.ts'
import { describeFound, type Problem } from '../../../src/config/problem.ts'
import { SecretRegistry } from '../../../src/config/settings.ts'
import { nearest } from '../../../src/config/suggest.ts'
import type { SecretSettings, Settings } from '../../../src/core/settings.ts'
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
}

/** Text in; a scenario, or every problem with it, each with its line. `file` is how messages call it. */
export function readScenario(text: string, file: string): Scenario | { readonly problems: readonly Problem[] } {
  const document = readToml(text, file)
  if (!(document instanceof ConfigDocument)) return { problems: [document] }
  const config = document.below('config')
  const rest = Object.entries(document.root).filter(([name]) => name !== 'config')
  const parsed = scenarioSchema.safeParse(Object.fromEntries(rest))
  const problems: Problem[] = []
  if (!parsed.success)
    for (const issue of parsed.error.issues) {
      const names = issue.code === 'unrecognized_keys' ? issue.keys : [undefined]
      for (const name of names) problems.push(problemOf(document, issue.path as Path, issue.message, name))
    }
  if (parsed.success) problems.push(...contradictions(document, parsed.data))
  if (config === undefined)
    problems.push({ ...document.placeOf(['config']), key: 'config', found: 'a value', allowed: 'a table' })
  else fillIn(config, parsed.success ? parsed.data.secrets : 1)
  const loaded = config === undefined ? undefined : loadDocument(config, { text, file, read: noFile })
  if (loaded !== undefined && 'problems' in loaded) problems.push(...loaded.problems.map(below))
  if (problems.length > 0 || !parsed.success || loaded === undefined || 'problems' in loaded) return { problems }
  const { settings } = new SecretRegistry().prepare(loaded)
  if (!settings.secrets.some(isForClients)) {
    const allowed = 'one that clients can use by fake TLS'
    return { problems: [{ ...document.placeOf(['config', 'secret']), key: 'config.secret', found: 'none', allowed }] }
  }
  return { ...parsed.data, settings, keys: loaded.keys, onVaultOutage: loaded.config.hsm.outage }
}

/** Whether the honest clients of a scenario, who speak fake TLS, can use it. */
export function isForClients({ modes, access, expiresAt }: SecretSettings): boolean {
  return modes.includes('fake-tls') && access !== 'none' && expiresAt === 0
}

function problemOf(document: ConfigDocument, path: Path, allowed: string, unknown: string | undefined): Problem {
  const whole = unknown === undefined ? path : [...path, unknown]
  const key = whole.join('.')
  if (unknown === undefined)
    return { ...document.placeOf(whole), key, found: describeFound(whole, document.get(whole)), allowed }
  const near = nearest(unknown, allowed.replace('one of ', '').split(', '))
  const hint = near === undefined ? allowed : `did you mean ${near}?`
  return { ...document.placeOf(whole), key: '', found: undefined, allowed: `unknown key ${key}`, hint }
}

/** What no single key can say about itself. */
function contradictions(document: ConfigDocument, scenario: ScenarioFile): Problem[] {
  const problems: Problem[] = []
  const wrong = (path: Path, allowed: string) => {
    const found = describeFound(path, document.get(path))
    problems.push({ ...document.placeOf(path), key: path.join('.'), found, allowed })
  }
  scenario.attack.forEach(({ start, stop }, at) => {
    if (stop <= start) wrong(['attack', at, 'stop'], 'a time behind start')
    if (stop > scenario.duration) wrong(['attack', at, 'stop'], 'a time within duration')
  })
  scenario.honest.forEach(({ users, addresses = users }, at) => {
    if (addresses > users) wrong(['honest', at, 'addresses'], `at most as many as users, ${users}`)
  })
  const { detect_within, recover_within } = scenario.assert
  const hasAttack = scenario.attack.length + scenario.outage.length + scenario.vault_outage.length > 0
  if (detect_within !== undefined && scenario.attack.length === 0)
    wrong(['assert', 'detect_within'], 'an [[attack]] to detect')
  if (recover_within !== undefined && !hasAttack)
    wrong(['assert', 'recover_within'], 'an [[attack]] or [[outage]] to recover from')
  return problems
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

/** A problem of the configuration, as one of the file that it is a part of. */
function below(problem: Problem): Problem {
  const { key, allowed } = problem
  if (key !== '') return { ...problem, key: `config.${key}` }
  return { ...problem, allowed: allowed.replace(/^unknown key /, 'unknown key config.') }
}

function noFile(): never {
  throw Object.assign(new Error('a scenario reads no other file'), { code: 'ENOENT' })
}
