import type { LoadedConfig } from './load.ts'
import { KEYS, type Config } from './schema.ts'

export interface ConfigDiff {
  /** Keys whose new value holds from now on, such as `relay.idle_timeout`; one name for all secrets: `secret`. */
  readonly hot: readonly string[]
  /** Keys that changed in the file and wait for the next start. */
  readonly cold: readonly string[]
  /** The new configuration with the old values of the cold keys. */
  readonly effective: LoadedConfig
}

/** What a reload changes. Cold keys keep their old value as a whole: nothing is half applied. */
export function diffConfig(before: LoadedConfig, after: LoadedConfig): ConfigDiff {
  const hot = new Set<string>()
  const cold: string[] = []
  const effective = structuredClone(after.config)
  for (const { path, reload } of KEYS) {
    // Lists of tables are compared as a whole: their members have no lasting place.
    const star = path.indexOf('*')
    const at = star < 0 ? path : path.slice(0, star)
    const [old, now] = [get(before.config, at), get(after.config, at)]
    if (isSame(old, now) && (at[0] !== 'secret' || isSame(before.keys, after.keys))) continue
    if (reload === 'hot') hot.add(at.join('.'))
    else {
      cold.push(at.join('.'))
      put(effective, at, old)
    }
  }
  return { hot: [...hot], cold, effective: { ...after, config: effective } }
}

function get(config: Config, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], config)
}

function put(config: Config, path: readonly string[], found: unknown): void {
  const parent = get(config, path.slice(0, -1)) as Record<string, unknown>
  parent[path[path.length - 1]] = found
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
