import { z } from 'zod'
import { text, value, type Kind } from '../../../src/config/values/value.ts'

const PER_MS = { s: 1_000, m: 60_000, h: 3_600_000 } as const
const PACE = /^(\d{1,5})\/(s|m|h)$/

/** How often something comes, as the milliseconds between two, 1 and more: "50/s", "1/m", "2/h". */
export function pace(): Kind<number> {
  const read = (found: string) => {
    const parts = PACE.exec(found)
    const count = parts === null ? 0 : Number(parts[1])
    const betweenMs = PER_MS[parts?.[2] as keyof typeof PER_MS] / count
    return count > 0 && betweenMs >= 1 ? betweenMs : undefined
  }
  return text('a pace of at most 1000/s such as "50/s", "1/m" or "2/h"', read, undefined, { pattern: PACE.source })
}

/** A share of a whole, 0 to 1. */
export function share(): Kind<number> {
  return value({
    allowed: 'a share from 0 to 1 such as 0.99',
    json: { type: 'number', minimum: 0, maximum: 1 },
    read: (found) => (typeof found === 'number' && found >= 0 && found <= 1 ? found : undefined),
  })
}

/** A table whose unknown keys are told together with the known ones. */
export function table<S extends z.core.$ZodLooseShape>(shape: S) {
  const known = Object.keys(shape).join(', ')
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? `one of ${known}` : 'a table'),
  })
}
