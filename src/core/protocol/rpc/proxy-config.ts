import { formatIp, isPrivate, parseIp } from '../../address.ts'
import type { Address } from '../../ports.ts'
import { readStatements, type Statement } from './statements.ts'

/** The file proxy-multi.conf, of one address family (protocol.md, 5.1). */
export interface ProxyConfig {
  /** The cluster of DCs that have none. */
  readonly defaultDc: number
  /** Middle proxies by DC as clients write it: negative for media, which is a fleet of its own. At least one each. */
  readonly clusters: ReadonlyMap<number, readonly Address[]>
}

export type ConfigReason =
  | 'too-long'
  | 'not-text'
  | 'no-end'
  | 'unknown-statement'
  | 'wrong-arguments'
  | 'bad-number'
  | 'out-of-range'
  | 'bad-address'
  | 'other-family'
  | 'private-address'
  | 'said-twice'
  | 'too-many-targets'
  | 'no-targets'
  | 'no-default'

export interface ConfigProblem {
  /** From 1; 0 for what the file as a whole lacks. */
  readonly line: number
  readonly reason: ConfigReason
  /** What stands there, shortened, printable. */
  readonly found: string
}

export interface ProxyConfigOptions {
  readonly family: 4 | 6
  /** For test networks. A file from outside must not lead us into our own. */
  readonly mayBePrivate?: boolean
}

/** Hundreds of times the real file. */
export const CONFIG_MAX_BYTES = 1 << 18
export const TARGETS_MAX = 4096
/** More problems are not told: such a file is something else altogether. */
export const PROBLEMS_MAX = 20
const DC_LIMITS = [-0x8000, 0x7fff] as const
const TIMEOUT_MS_LIMITS = [10, 30_000] as const
const CONNECTION_LIMITS = [1, 1000] as const
const FOUND_MAX = 40

/** Takes the whole file, or tells every problem in it and takes nothing. */
export function parseProxyConfig(
  file: Uint8Array,
  options: ProxyConfigOptions,
): { readonly config: ProxyConfig } | { readonly problems: readonly ConfigProblem[] } {
  if (file.length > CONFIG_MAX_BYTES) return { problems: [problem(0, 'too-long', `${file.length} bytes`)] }
  const { statements, faults } = readStatements(file)
  const problems = faults.map(({ line, reason, found }) => problem(line, reason, found))
  const builder = new Builder(options)
  for (const statement of statements) {
    if (problems.length >= PROBLEMS_MAX) break
    const reason = builder.take(statement.words)
    if (reason !== undefined) problems.push(problem(statement.line, reason, textOf(statement)))
  }
  // What is missing may be what could not be read.
  if (problems.length === 0) problems.push(...builder.missing().map((reason) => problem(0, reason, '')))
  if (problems.length > 0) return { problems: problems.slice(0, PROBLEMS_MAX) }
  return { config: builder.config() }
}

/** The middle proxies for a DC: exactly its own (media is not folded into the rest), else those of the default. */
export function clusterOf({ clusters, defaultDc }: ProxyConfig, dc: number): readonly Address[] {
  return clusters.get(dc) ?? clusters.get(defaultDc) ?? []
}

/** Collects what statements say. */
class Builder {
  readonly #options: ProxyConfigOptions
  readonly #clusters = new Map<number, Address[]>()
  readonly #once = new Set<string>()
  #targets = 0
  #defaultDc: number | undefined

  constructor(options: ProxyConfigOptions) {
    this.#options = options
  }

  take([name, ...words]: readonly string[]): ConfigReason | undefined {
    switch (name) {
      case 'proxy_for':
        return words.length === 2 ? this.#addTarget(readNumber(words[0], DC_LIMITS), words[1]) : 'wrong-arguments'
      case 'proxy':
        return words.length === 1 ? this.#addTarget(0, words[0]) : 'wrong-arguments'
      case 'default':
        return this.#takeNumber(name, words, DC_LIMITS, (dc) => (this.#defaultDc = dc))
      // How official proxies are to pool their connections; ours has limits of its own.
      case 'timeout':
        return this.#takeNumber(name, words, TIMEOUT_MS_LIMITS)
      case 'min_connections':
      case 'max_connections':
        return this.#takeNumber(name, words, CONNECTION_LIMITS)
      default:
        return 'unknown-statement'
    }
  }

  missing(): ConfigReason[] {
    if (this.#targets === 0) return ['no-targets']
    return this.#defaultDc === undefined || !this.#clusters.has(this.#defaultDc) ? ['no-default'] : []
  }

  config(): ProxyConfig {
    return { defaultDc: this.#defaultDc ?? 0, clusters: this.#clusters }
  }

  #addTarget(dc: number | ConfigReason, text: string): ConfigReason | undefined {
    if (typeof dc === 'string') return dc
    const address = readTarget(text, this.#options)
    if (typeof address === 'string') return address
    const cluster = this.#clusters.get(dc) ?? []
    // Said again it weighs no more: each target gets its links once.
    if (cluster.some(({ ip, port }) => ip === address.ip && port === address.port)) return undefined
    if (++this.#targets > TARGETS_MAX) return 'too-many-targets'
    cluster.push(address)
    this.#clusters.set(dc, cluster)
    return undefined
  }

  #takeNumber(
    name: string,
    words: readonly string[],
    limits: readonly [number, number],
    use: (value: number) => void = () => {},
  ): ConfigReason | undefined {
    if (words.length !== 1) return 'wrong-arguments'
    const value = readNumber(words[0], limits)
    if (typeof value === 'string') return value
    if (this.#once.has(name)) return 'said-twice'
    this.#once.add(name)
    use(value)
    return undefined
  }
}

function readNumber(text: string, [low, high]: readonly [number, number]): number | ConfigReason {
  if (!/^(0|-?[1-9][0-9]{0,8})$/.test(text)) return 'bad-number'
  const value = Number(text)
  return value < low || value > high ? 'out-of-range' : value
}

/** `a.b.c.d:port` or `[v6]:port`; names are refused, as they would put a resolver between us and Telegram. */
function readTarget(text: string, { family, mayBePrivate = false }: ProxyConfigOptions): Address | ConfigReason {
  const [, v6, v4, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([1-9][0-9]{0,4})$/.exec(text) ?? []
  const written = v6 ?? v4
  const bytes = written === undefined || (v6 !== undefined && !v6.includes(':')) ? undefined : parseIp(written)
  if (bytes === undefined || Number(digits) > 0xffff) return 'bad-address'
  if (bytes.length !== (family === 4 ? 4 : 16) || (v6 === undefined) !== (family === 4)) return 'other-family'
  if (!mayBePrivate && isPrivate(bytes)) return 'private-address'
  return { ip: formatIp(bytes), port: Number(digits) }
}

function textOf({ words }: Statement): string {
  return words.join(' ')
}

function problem(line: number, reason: ConfigReason, found: string): ConfigProblem {
  return { line, reason, found: found.length <= FOUND_MAX ? found : `${found.slice(0, FOUND_MAX - 3)}...` }
}
