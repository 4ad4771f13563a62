import { isHonest, type Row } from './day.ts'
import { ATTACKS, type Attack } from './traffic.ts'

export interface Scorer {
  readonly name: string
  readonly score: (row: Row) => number
}

/** What a score of one source could be; the first two are what others have. */
export const SCORERS: readonly Scorer[] = [
  { name: 'connections', score: ({ connections }) => connections },
  { name: 'failed handshakes', score: ({ failed }) => failed },
  { name: 'reputation', score: ({ suspicion }) => suspicion.source },
  { name: 'reputation and prefix', score: ({ suspicion }) => Math.max(suspicion.source, suspicion.prefix) },
]

export interface Quality {
  readonly target: number
  /** On the seeds that were held out. */
  readonly falsePositives: number
  readonly recall: number
  readonly precision: number
  readonly byAttack: Readonly<Record<Attack, number>>
  /** Share of the rows of addresses that many people share. */
  readonly cgnatHit: number
}

/** Least score at which at most `target` of the honest rows are above. */
export function thresholdFor(rows: readonly Row[], score: Scorer['score'], target: number): number {
  const honest = rows.filter(({ label }) => isHonest(label)).map((row) => score(row))
  honest.sort((a, b) => b - a)
  return honest[Math.floor(target * honest.length)] ?? 0
}

/** With a threshold from other rows: what is above it. */
export function measure(rows: readonly Row[], score: Scorer['score'], threshold: number, target: number): Quality {
  const share = (of: readonly Row[]) => {
    return of.length === 0 ? 0 : of.filter((row) => score(row) > threshold).length / of.length
  }
  const honest = rows.filter(({ label }) => isHonest(label))
  const bad = rows.filter(({ label }) => !isHonest(label))
  const hits = rows.filter((row) => score(row) > threshold)
  const byAttack = {} as Record<Attack, number>
  for (const attack of ATTACKS) byAttack[attack] = share(bad.filter(({ label }) => label === attack))
  return {
    target,
    falsePositives: share(honest),
    recall: share(bad),
    precision: hits.length === 0 ? 0 : hits.filter(({ label }) => !isHonest(label)).length / hits.length,
    byAttack,
    cgnatHit: share(rows.filter(({ label }) => label === 'cgnat')),
  }
}
