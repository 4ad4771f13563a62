import type { z } from 'zod'
import type { ConfigDocument, Path, Table } from '../../../src/config/document.ts'
import { fault, misfits } from './faults.ts'
import { assertions, attack, honest, length, outage } from './schema.ts'

export interface Contradiction {
  readonly path: Path
  /** What may stand there. */
  readonly allowed: string
}

/**
 * What no single key can say about itself. It is told of a file in which keys are wrong as well, as far as the rest of it makes sense:
 * all problems are told at once.
 */
export function contradictions(document: ConfigDocument): readonly Contradiction[] {
  const scenario = sketchOf(document.root)
  // What was written, other than what is a default.
  const isGiven = (...path: Path) => document.get(path) !== undefined
  return [
    ...ofNames(scenario),
    ...ofTimes(scenario),
    ...ofHonest(scenario, isGiven),
    ...ofAttacks(scenario, isGiven),
    ...scenario.fault.flatMap((plan, at) => {
      const given = Object.keys(document.get(['fault', at]) ?? {})
      return plan === undefined
        ? []
        : misfits(plan.kind, given).map(({ key, allowed }) => ({ path: ['fault', at, key], allowed }))
    }),
    ...ofAssertions(scenario),
  ]
}

/** What can be read of a file; undefined in place of a table that makes no sense. */
interface Sketch {
  readonly duration: number
  readonly honest: readonly (z.output<typeof honest> | undefined)[]
  readonly attack: readonly (z.output<typeof attack> | undefined)[]
  readonly outage: readonly (z.output<typeof outage> | undefined)[]
  readonly vault_outage: readonly (z.output<typeof outage> | undefined)[]
  readonly fault: readonly (z.output<typeof fault> | undefined)[]
  readonly assert: Partial<z.output<typeof assertions>>
}

function sketchOf(root: Table): Sketch {
  const all = <T>(kind: z.ZodType<T>, found: unknown) =>
    Array.isArray(found) ? found.map((one: unknown) => readable(kind, one)) : []
  return {
    duration: readable(length, root.duration) ?? Infinity,
    honest: all(honest, root.honest),
    attack: all(attack, root.attack),
    outage: all(outage, root.outage),
    vault_outage: all(outage, root.vault_outage),
    fault: all(fault, root.fault),
    assert: readable(assertions, root.assert) ?? {},
  }
}

/** Without the keys that are wrong, if it can do without. */
function readable<T>(kind: z.ZodType<T>, found: unknown): T | undefined {
  const parsed = kind.safeParse(found)
  if (parsed.success) return parsed.data
  const rest = copyOf(found)
  for (const issue of parsed.error.issues) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [issue.path.at(-1)]
    const path = issue.code === 'unrecognized_keys' ? issue.path : issue.path.slice(0, -1)
    const table = path.reduce<unknown>((at, name) => (at as Record<PropertyKey, unknown> | undefined)?.[name], rest)
    for (const name of names)
      if (typeof table === 'object' && table !== null && name !== undefined) Reflect.deleteProperty(table, name)
  }
  const again = kind.safeParse(rest)
  return again.success ? again.data : undefined
}

/** Groups are told apart by their names. */
function ofNames({ honest, attack }: Sketch): readonly Contradiction[] {
  const seen = new Set<string>()
  const check = (list: readonly ({ readonly name: string } | undefined)[], table: string) =>
    list.flatMap((group, at) => {
      if (group === undefined) return []
      const { name } = group
      const isTaken = seen.has(name)
      seen.add(name)
      return isTaken ? [{ path: [table, at, 'name'], allowed: 'a name that no other group has' }] : []
    })
  return [...check(honest, 'honest'), ...check(attack, 'attack')]
}

function ofTimes({ duration, outage, vault_outage, fault }: Sketch): readonly Contradiction[] {
  const tables = { outage, vault_outage, fault }
  return Object.entries(tables).flatMap(([table, list]) =>
    list.flatMap((plan, i) => {
      if (plan === undefined) return []
      const { at, for: lasting = 0 } = plan
      if (at > duration) return [{ path: [table, i, 'at'], allowed: 'a time within duration' }]
      if (at + lasting <= duration) return []
      return [{ path: [table, i, 'for'], allowed: 'a time that ends within duration' }]
    }),
  )
}

type IsGiven = (...path: Path) => boolean

function ofHonest({ honest, duration }: Sketch, isGiven: IsGiven): readonly Contradiction[] {
  return honest.flatMap((plan, at): Contradiction[] => {
    if (plan === undefined) return []
    const { users, addresses = users, arrivals } = plan
    const isBurst = arrivals.kind === 'burst'
    const foreign = (isBurst ? ['every'] : ['at', 'within']).filter((key) => isGiven('honest', at, 'arrivals', key))
    const kinds = isBurst ? 'constant, poisson or diurnal' : 'burst'
    const problems = foreign.map((key) => ({
      ...{ path: ['honest', at, 'arrivals', key], allowed: `nothing, as it is for kind ${kinds}` },
    }))
    if (addresses > users)
      problems.push({ path: ['honest', at, 'addresses'], allowed: `at most as many as users, ${users}` })
    if (isBurst && arrivals.at > duration)
      problems.push({ path: ['honest', at, 'arrivals', 'at'], allowed: 'a time within duration' })
    return problems
  })
}

function ofAttacks({ attack, duration }: Sketch, isGiven: IsGiven): readonly Contradiction[] {
  return attack.flatMap((plan, at) => {
    if (plan === undefined) return []
    const { kind, start, stop } = plan
    const problems: Contradiction[] = []
    if (stop <= start) problems.push({ path: ['attack', at, 'stop'], allowed: 'a time behind start' })
    if (stop > duration) problems.push({ path: ['attack', at, 'stop'], allowed: 'a time within duration' })
    const foreign =
      kind === 'leech' ? [] : kind === 'hog' ? ['hold', 'think'] : ['ask', 'think', 'got_max', 'got_total_max']
    for (const key of foreign.filter((each) => isGiven('attack', at, each)))
      problems.push({ path: ['attack', at, key], allowed: `nothing, as kind ${kind} has no use for it` })
    return problems
  })
}

function ofAssertions({ assert, attack, outage, vault_outage, fault }: Sketch): readonly Contradiction[] {
  const problems: Contradiction[] = []
  const { detect_within, recover_within, attackers_served_max } = assert
  if (detect_within !== undefined && attack.length === 0)
    problems.push({ path: ['assert', 'detect_within'], allowed: 'an [[attack]] to detect' })
  if (attackers_served_max !== undefined && attack.length === 0)
    problems.push({ path: ['assert', 'attackers_served_max'], allowed: 'an [[attack]] that could be served' })
  if (recover_within !== undefined && attack.length + outage.length + vault_outage.length + fault.length === 0)
    problems.push({ path: ['assert', 'recover_within'], allowed: 'an [[attack]] or [[outage]] to recover from' })
  return problems
}

function copyOf(found: unknown): unknown {
  if (typeof found !== 'object' || found === null) return found
  if (Array.isArray(found)) return found.map(copyOf)
  return Object.fromEntries(Object.entries(found).map(([name, inner]) => [name, copyOf(inner)]))
}
