import { LISTED_PREFIXES_MAX } from '../../core/guard/access/access.ts'
import { LIST_BYTES_MAX, readList } from '../../core/guard/access/list-reader.ts'
import { ignoredOf, shownSource } from '../../core/guard/access/lists.ts'
import type { Fetcher } from '../../core/ports.ts'
import { createFetcher } from '../../runtime/fetcher.ts'
import { PinPolicy, toPinSettings } from '../../trust/policy.ts'
import { lookupBy, type CheckInput, type Finding } from './finding.ts'

/** Whether each list of addresses can be had and read, and how much of it counts. */
export function checkAccess({ loaded, resolver, wallSec }: CheckInput): Promise<readonly Finding[]> {
  const { access, pinning } = loaded.config
  // What pins have to say is in the answer, and in the findings of their own.
  const policy = new PinPolicy(toPinSettings(pinning), () => {})
  const fetcher = createFetcher({ policy, wall: () => wallSec, resolve: lookupBy(resolver) })
  return Promise.all(access.lists.map(({ source }) => listFinding(fetcher, source)))
}

/** Exported for its test. */
export function listFinding(fetcher: Fetcher, source: string): Promise<Finding> {
  const name = shownSource(source)
  return new Promise((resolve) => {
    fetcher.fetch(source, LIST_BYTES_MAX, (result) => {
      const finding = (level: Finding['level'], message: string) => resolve({ level, check: 'access', message })
      if ('why' in result) return finding('fail', `${name} cannot be had: ${result.why}`)
      const list = readList(result.bytes, LISTED_PREFIXES_MAX)
      if ('fault' in list) return finding('fail', `${name} is no list of addresses: ${list.fault}`)
      const ignored = ignoredOf(list)
      const { count } = list.prefixes
      const summary = `${name} has ${count} ${count === 1 ? 'prefix' : 'prefixes'}`
      finding(ignored === '' ? 'ok' : 'warn', ignored === '' ? summary : `${summary}; ${ignored}`)
    })
  })
}
