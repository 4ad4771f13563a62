import { z } from 'zod'
import type { Kind } from './values/value.ts'

/** `hot`: applies on reload. `restart`: a changed value waits for the next start. */
export type Reload = 'hot' | 'restart'

export interface KeyOptions {
  /** The section's, where not given. */
  readonly reload?: Reload
  /**
   * The feature is not built yet: `true` allows the default alone, a function says which written values are meant.
   * Building the feature takes this field away.
   */
  readonly planned?: true | ((found: unknown) => boolean)
  /** Holds something that must not be repeated in messages. */
  readonly isSensitive?: boolean
}

export interface KeyAbout extends KeyOptions {
  readonly doc: string
  /** As it would be written; undefined where a value must be given. */
  readonly initial: unknown
}

export interface SectionAbout {
  readonly doc: string
  readonly reload: Reload
  /** A section that may stand several times, as `[[name]]`. */
  readonly isList?: boolean
}

/** What stands beside the types: both the loader and the documentation read it from here. */
export const keyAbouts = z.registry<KeyAbout>()
export const sectionAbouts = z.registry<SectionAbout>()

/** A key with a default, which is given as it would be written. */
export function key<T>(kind: z.ZodType<T>, initial: unknown, doc: string, options: KeyOptions = {}) {
  const schema = kind.prefault(initial as never)
  keyAbouts.add(schema, { ...options, doc, initial })
  return schema
}

/** A key that must be given. */
export function requiredKey<T>(kind: Kind<T>, doc: string, options: KeyOptions = {}): Kind<T> {
  keyAbouts.add(kind, { ...options, doc, initial: undefined })
  return kind
}

/** A table `[name]`. */
export function section<S extends z.core.$ZodLooseShape>(about: SectionAbout, shape: S) {
  const schema = z.strictObject(shape, { error: tableError }).prefault({} as never)
  sectionAbouts.add(schema, about)
  return schema
}

/** Tables `[[name]]`. */
export function sectionList<S extends z.core.$ZodLooseShape>(about: SectionAbout, shape: S, countMax: number) {
  const schema = z
    .array(z.strictObject(shape, { error: tableError }), { error: 'tables written as [[name]]' })
    .max(countMax, { error: `at most ${countMax} tables` })
    .prefault([])
  sectionAbouts.add(schema, { ...about, isList: true })
  return schema
}

function tableError(): string {
  return 'a table'
}
