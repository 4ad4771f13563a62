import type { LoadedConfig } from '../../config/load.ts'
import { REFILL_MS, TRIALS_BURST } from '../../core/guard/trials.ts'
import type { CheckInput, Finding } from './finding.ts'

/** Whether every newcomer's secret can be among those that one hello of his is tried on. */
export function checkSecrets({ loaded }: CheckInput): Promise<readonly Finding[]> {
  return Promise.resolve(secretFindings(loaded.config.secret))
}

type Secrets = readonly Pick<LoadedConfig['config']['secret'][number], 'domain' | 'modes'>[]

/** Exported for its test. */
export function secretFindings(secrets: Secrets): readonly Finding[] {
  const counts = new Map<string, number>()
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1)
  for (const { domain, modes } of secrets) {
    if (modes.includes('fake-tls')) count(`for ${domain}`)
    if (modes.some((mode) => mode !== 'fake-tls')) count('without TLS')
  }
  const crowds = [...counts].filter(([, found]) => found > TRIALS_BURST)
  if (crowds.length === 0) return [{ level: 'ok', check: 'secrets', message: `${secrets.length} in all` }]
  return crowds.map(([what, found]) => ({
    ...({ level: 'warn', check: 'secrets' } as const),
    message: `${found} ${what}: ${TRIALS_BURST} are tried for a newcomer in ${REFILL_MS / 1000} s, so who is new may have to come again`,
  }))
}
