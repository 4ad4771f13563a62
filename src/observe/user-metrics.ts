import { Gauge, type Registry } from 'prom-client'
import type { UserReading } from '../core/guard/users/index.ts'

/**
 * What users have over all processes, by their names in the configuration. For the one process that has the metrics: it can
 * read the shared tables itself, and ten thousand users from each worker would be a long line.
 */
export function registerUserGauges(registry: Registry, users: () => Iterable<UserReading>): void {
  const live = (name: string, help: string, of: (user: UserReading) => number | undefined) =>
    new Gauge({
      name: `palisade_user_${name}`,
      help,
      labelNames: ['secret'],
      registers: [registry],
      collect() {
        this.reset()
        for (const user of users()) {
          const value = of(user)
          if (value !== undefined) this.set({ secret: user.name }, value)
        }
      },
    })
  live('connections', 'Connections open now, by user', ({ connections }) => connections)
  live('addresses', 'Distinct addresses with a connection, by user', ({ addresses }) => addresses)
  live(
    'quota_used_bytes',
    'Bytes used of the quota in the period that is now, by user',
    ({ quota }) => quota?.usedBytes,
  )
}
