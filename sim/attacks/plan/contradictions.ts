import type { ConfigDocument, Path } from '../../../src/config/document.ts'
import { misfits } from './faults.ts'
import type { ScenarioFile } from './schema.ts'

export interface Contradiction {
  readonly path: Path
  /** What may stand there. */
  readonly allowed: string
}

/** What no single key can say about itself. `document` tells what was written and what is a default. */
export function contradictions(document: ConfigDocument, scenario: ScenarioFile): readonly Contradiction[] {
  const isGiven = (...path: Path) => document.get(path) !== undefined
  return [
    ...ofNames(scenario),
    ...ofTimes(scenario),
    ...ofHonest(scenario, isGiven),
    ...ofAttacks(scenario, isGiven),
    ...scenario.fault.flatMap(({ kind }, at) => {
      const given = Object.keys(document.get(['fault', at]) ?? {})
      return misfits(kind, given).map(({ key, allowed }) => ({ path: ['fault', at, key], allowed }))
    }),
    ...ofAssertions(scenario),
  ]
}

/** Groups are told apart by their names. */
function ofNames({ honest, attack }: ScenarioFile): readonly Contradiction[] {
  const seen = new Set<string>()
  const check = (list: readonly { readonly name: string }[], table: string) =>
    list.flatMap(({ name }, at) => {
      const isTaken = seen.has(name)
      seen.add(name)
      return isTaken ? [{ path: [table, at, 'name'], allowed: 'a name that no other group has' }] : []
    })
  return [...check(honest, 'honest'), ...check(attack, 'attack')]
}

function ofTimes({ duration, outage, vault_outage, fault }: ScenarioFile): readonly Contradiction[] {
  const tables = { outage, vault_outage, fault }
  return Object.entries(tables).flatMap(([table, list]) =>
    list.flatMap(({ at, for: length }, i) => {
      if (at > duration) return [{ path: [table, i, 'at'], allowed: 'a time within duration' }]
      if (at + (length ?? 0) <= duration) return []
      return [{ path: [table, i, 'for'], allowed: 'a time that ends within duration' }]
    }),
  )
}

type IsGiven = (...path: Path) => boolean

function ofHonest({ honest, duration }: ScenarioFile, isGiven: IsGiven): readonly Contradiction[] {
  return honest.flatMap(({ users, addresses = users, arrivals }, at): Contradiction[] => {
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

function ofAttacks({ attack, duration }: ScenarioFile, isGiven: IsGiven): readonly Contradiction[] {
  return attack.flatMap(({ kind, start, stop }, at) => {
    const problems: Contradiction[] = []
    if (stop <= start) problems.push({ path: ['attack', at, 'stop'], allowed: 'a time behind start' })
    if (stop > duration) problems.push({ path: ['attack', at, 'stop'], allowed: 'a time within duration' })
    const foreign = kind === 'hog' ? 'hold' : 'ask'
    if (isGiven('attack', at, foreign))
      problems.push({ path: ['attack', at, foreign], allowed: `nothing, as kind ${kind} has no use for it` })
    return problems
  })
}

function ofAssertions({ assert, attack, outage, vault_outage, fault }: ScenarioFile): readonly Contradiction[] {
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
