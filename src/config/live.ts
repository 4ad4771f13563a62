import { diffConfig } from './diff.ts'
import type { LoadedConfig, LoadResult } from './load.ts'
import { formatProblem } from './problem.ts'
import { SecretRegistry, type Prepared } from './settings.ts'

export type ReloadResult =
  /** `applied` and `cold`: keys whose new value holds now, and keys that wait for the next start. */
  | { readonly ok: true; readonly applied: readonly string[]; readonly cold: readonly string[] }
  /** The old configuration stays in force. */
  | { readonly ok: false; readonly problems: readonly string[] }

/** The configuration in force. It is replaced as a whole, and only by one without problems. */
export class LiveConfig {
  readonly #registry = new SecretRegistry()
  readonly #reread: () => LoadResult | Promise<LoadResult>
  #loaded: LoadedConfig
  #prepared: Prepared
  #turn: Promise<unknown> = Promise.resolve()

  constructor(loaded: LoadedConfig, reread: () => LoadResult | Promise<LoadResult>) {
    this.#loaded = loaded
    this.#reread = reread
    this.#prepared = this.#registry.prepare(loaded)
  }

  /** Cold keys stand at the value they had at the start. */
  get loaded(): LoadedConfig {
    return this.#loaded
  }
  get prepared(): Prepared {
    return this.#prepared
  }

  /**
   * Reads again; `apply` is called with what holds from now on, and not at all when there are problems. One after the other: what was
   * read last holds last.
   */
  reload(apply: (prepared: Prepared, loaded: LoadedConfig) => void): Promise<ReloadResult> {
    const result = this.#turn.then(() => this.#reload(apply))
    // Whoever asked is told of a failure.
    this.#turn = result.catch(() => {})
    return result
  }

  async #reload(apply: (prepared: Prepared, loaded: LoadedConfig) => void): Promise<ReloadResult> {
    const next = await this.#reread()
    if ('problems' in next) return { ok: false, problems: next.problems.map(formatProblem) }
    const { hot, cold, effective } = diffConfig(this.#loaded, next)
    this.#loaded = effective
    this.#prepared = this.#registry.prepare(effective)
    apply(this.#prepared, effective)
    return { ok: true, applied: hot, cold }
  }
}
