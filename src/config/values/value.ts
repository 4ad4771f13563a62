import { z } from 'zod'
import { nearest } from '../suggest.ts'

/**
 * A value of the configuration as it is written. The message of every issue is what is allowed, as it stands after
 * "expected"; an issue may carry a hint for this very mistake in `params.hint`.
 */
export type Kind<T> = z.ZodType<T>

interface ValueOptions<T> {
  /** What may stand here, to follow "expected". */
  readonly allowed: string
  /** Undefined for what is not allowed. Missing keys arrive as undefined. */
  readonly read: (found: unknown) => T | undefined
  readonly hint?: (found: unknown) => string | undefined
  /** The same for editors, as far as JSON Schema can say it. */
  readonly json?: Json
}

/** Keywords of JSON Schema. */
type Json = Readonly<Record<string, unknown>>

export function value<T>({ allowed, read, hint, json = {} }: ValueOptions<T>): Kind<T> {
  const kind = z.unknown().transform((found, context): T => {
    const result = read(found)
    if (result !== undefined) return result
    context.addIssue({ code: 'custom', message: allowed, params: { hint: hint?.(found) } })
    return z.NEVER
  })
  return kind.meta({ description: allowed, ...json })
}

/** A value written as a string. */
export function text<T>(
  allowed: string,
  read: (text: string) => T | undefined,
  hint?: ValueOptions<T>['hint'],
  json: Json = {},
): Kind<T> {
  return value({
    ...{ allowed, hint, json: { type: 'string', ...json } },
    read: (found) => (typeof found === 'string' ? read(found) : undefined),
  })
}

/** One of the given words. */
export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return text(
    words.map((word) => `"${word}"`).join(' or '),
    (found) => words.find((word) => word === found),
    (found) => {
      const word = typeof found === 'string' ? nearest(found.toLowerCase(), words) : undefined
      return word === undefined ? undefined : `did you mean "${word}"?`
    },
    { enum: words },
  )
}

/** A whole number, both ends included. */
export function integer(min: number, max: number): Kind<number> {
  return value({
    allowed: `a whole number from ${min} to ${max}`,
    json: { type: 'integer', minimum: min, maximum: max },
    read: (found) =>
      typeof found === 'number' && Number.isInteger(found) && found >= min && found <= max ? found : undefined,
    hint: (found) =>
      typeof found === 'string' && /^[0-9]+$/.test(found) ? `did you mean ${found}, without quotes?` : undefined,
  })
}

export function boolean(): Kind<boolean> {
  return value({
    allowed: 'true or false',
    json: { type: 'boolean' },
    read: (found) => (typeof found === 'boolean' ? found : undefined),
    hint: (found) => (found === 'true' || found === 'false' ? `did you mean ${found}, without quotes?` : undefined),
  })
}

/** Any string of at most `lengthMax` characters without control characters. */
export function anyText(what: string, lengthMax = 4096): Kind<string> {
  const isClean = (found: string) => found.length <= lengthMax && !/[\x00-\x1f\x7f]/.test(found)
  return text(what, (found) => (isClean(found) ? found : undefined))
}

/** The empty string, or a value: what stands for "none" in the file. */
export function optional<T>(kind: Kind<T>): z.ZodType<T | undefined> {
  return z.unknown().transform((found, context): T | undefined => {
    if (found === '') return undefined
    const result = kind.safeParse(found)
    if (result.success) return result.data
    for (const issue of result.error.issues) context.issues.push({ ...issue, input: found } as never)
    return z.NEVER
  })
}

const LIST_MAX = 4096

/** A list; `what` names it after "expected". */
export function list<T>(kind: Kind<T>, what: string, lengthMin = 0, lengthMax = LIST_MAX): z.ZodType<T[]> {
  return z
    .array(kind, { error: what })
    .min(lengthMin, { error: what })
    .max(lengthMax, { error: `at most ${lengthMax}` })
}
