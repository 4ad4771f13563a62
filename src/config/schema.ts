import { z } from 'zod'
import { keyAbouts, sectionAbouts, type KeyAbout, type Reload, type SectionAbout } from './key.ts'
import { dns, listen, mask, relay, telegram } from './schema/network.ts'
import { admin, log, memory, metrics, state, trace } from './schema/operation.ts'
import { hsm, pinning } from './schema/trust.ts'
import { access, guard, secret } from './schema/users.ts'

/** The one description of every key: types, defaults, errors, documentation and the mark hot or restart follow from it. */
export const configSchema = z.strictObject({
  listen,
  secret,
  mask,
  telegram,
  relay,
  dns,
  access,
  guard,
  pinning,
  hsm,
  memory,
  admin,
  metrics,
  log,
  trace,
  state,
})

/** Read and checked: names as in the file, durations in milliseconds, sizes in bytes, "" for none as undefined. */
export type Config = z.output<typeof configSchema>
export type SecretConfig = Config['secret'][number]

export interface KeyInfo extends KeyAbout {
  /** Names from the root; a section that stands several times is followed by `*`. */
  readonly path: readonly string[]
  readonly reload: Reload
  readonly schema: z.ZodType
}

export interface SectionInfo extends SectionAbout {
  readonly path: readonly string[]
  readonly keys: readonly KeyInfo[]
}

/** All sections in the order of the file. */
export const SECTIONS: readonly SectionInfo[] = Object.entries(configSchema.shape).flatMap(([name, schema]) =>
  describe([name], schema),
)

/** All keys in the order of the file. */
export const KEYS: readonly KeyInfo[] = SECTIONS.flatMap((section) => section.keys)

/** What the schema says about a place in a file: list indices stand for any. Undefined for what is no key. */
export function findKey(path: readonly (string | number)[]): KeyInfo | undefined {
  return KEYS.find(
    (key) => key.path.length <= path.length && key.path.every((name, i) => name === path[i] || name === '*'),
  )
}

function describe(path: readonly string[], schema: z.ZodType): SectionInfo[] {
  const about = sectionAbouts.get(schema)
  if (about === undefined) return []
  const keys: KeyInfo[] = []
  const below: SectionInfo[] = []
  const at = about.isList === true ? [...path, '*'] : path
  for (const [name, member] of Object.entries(shapeOf(schema))) {
    const key = keyAbouts.get(member)
    if (key === undefined) below.push(...describe([...at, name], member))
    else keys.push({ ...key, path: [...at, name], reload: key.reload ?? about.reload, schema: member })
  }
  return [{ ...about, path, keys }, ...below]
}

function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  if (schema instanceof z.ZodPrefault) return shapeOf(schema.def.innerType as z.ZodType)
  if (schema instanceof z.ZodArray) return shapeOf(schema.element as z.ZodType)
  return schema instanceof z.ZodObject ? schema.shape : {}
}
