import { createFetcher } from '../../runtime/fetcher.ts'
import type { ProxyConfig, ProxySecret } from '../../core/protocol/rpc/index.ts'
import { configOf, FILE_MAX_BYTES, SECRET, type FileKind } from '../../core/telegram/middle/files.ts'
import type { MiddleSettings } from '../../core/settings.ts'
import { PinPolicy, toPinSettings } from '../../trust/policy.ts'
import { lookupBy, PROBE_MS, type CheckInput } from './finding.ts'

/** What Telegram publishes for proxies, each as it can be had now: read, or what is wrong in one line. */
export interface FetchedFiles {
  readonly secret: ProxySecret | string
  readonly config: ProxyConfig | string
  readonly configV6: ProxyConfig | string
  /** Pins that did not fit where that is only worth a warning. */
  readonly pinWarnings: readonly string[]
}

/** Fetches the files as the proxy does, pins included, all side by side. */
export async function fetchFiles(input: CheckInput, settings: MiddleSettings): Promise<FetchedFiles> {
  const pinWarnings = new Set<string>()
  const policy = new PinPolicy(toPinSettings(input.loaded.config.pinning), ({ isRefused, message }) => {
    if (!isRefused) pinWarnings.add(message)
  })
  const fetcher = createFetcher({
    ...{ policy, wall: () => input.clock.wall() },
    ...{ resolve: lookupBy(input.resolver), timeoutMs: PROBE_MS },
  })
  const fetchOne = <T>({ source, read }: FileKind<T>): Promise<T | string> =>
    new Promise((resolve) => {
      const from = source(settings)
      fetcher.fetch(from, FILE_MAX_BYTES, (result) => {
        if ('why' in result) return resolve(result.why)
        const value = read(result.bytes, undefined)
        resolve(typeof value === 'string' ? `${from}: ${value}` : value)
      })
    })
  const [secret, config, configV6] = await Promise.all([
    fetchOne(SECRET),
    fetchOne(configOf('config', 4)),
    fetchOne(configOf('config-v6', 6)),
  ])
  return { secret, config, configV6, pinWarnings: [...pinWarnings] }
}
