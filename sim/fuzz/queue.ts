import type { SeededRandom } from '../world/random.ts'
import { branchOf } from './coverage.ts'

/** An input that did something new when it came. */
export interface Entry {
  readonly bytes: Uint8Array
  readonly features: Uint32Array
  readonly work: number
  /** How often it was picked. */
  picked: number
  /** Systematic changes that were tried. */
  walked: number
}

/** Inputs that are worth changing. For each feature the one that is smallest and least work is a favourite. */
export class Queue {
  readonly entries: Entry[] = []
  readonly #best = new Map<number, Entry>()
  #favourites: readonly Entry[] = []
  #isStale = false

  add(bytes: Uint8Array, features: Uint32Array, work: number): void {
    const entry: Entry = { bytes, features, work, picked: 0, walked: 0 }
    this.entries.push(entry)
    for (const feature of features) {
      const best = this.#best.get(feature)
      if (best === undefined || costOf(entry) < costOf(best)) this.#best.set(feature, entry)
    }
    this.#isStale = true
  }

  /** Mostly a favourite, and of two the one that was picked less often. There must be an entry. */
  pick(random: SeededRandom): Entry {
    const favourites = this.#favouritesNow()
    const among = favourites.length > 0 && random.chance(3, 4) ? favourites : this.entries
    const [a, b] = [random.pick(among), random.pick(among)]
    const entry = a.picked <= b.picked ? a : b
    entry.picked++
    return entry
  }

  /** The fewest inputs that a greedy choice needs for every branch ever taken, small ones first. */
  minimal(): Entry[] {
    const kept: Entry[] = []
    const covered = new Set<number>()
    for (const entry of [...this.entries].sort((a, b) => a.bytes.length - b.bytes.length)) {
      const branches = [...entry.features].map(branchOf)
      if (branches.every((branch) => covered.has(branch))) continue
      for (const branch of branches) covered.add(branch)
      kept.push(entry)
    }
    return withoutSpare(kept)
  }

  #favouritesNow(): readonly Entry[] {
    if (this.#isStale) this.#favourites = [...new Set(this.#best.values())]
    this.#isStale = false
    return this.#favourites
  }
}

/** Large ones first: what all others together cover is left away. */
function withoutSpare(entries: readonly Entry[]): Entry[] {
  const counts = new Map<number, number>()
  const branchesOf = (entry: Entry) => new Set([...entry.features].map(branchOf))
  for (const entry of entries) for (const branch of branchesOf(entry)) counts.set(branch, (counts.get(branch) ?? 0) + 1)
  return [...entries]
    .reverse()
    .filter((entry) => {
      const branches = [...branchesOf(entry)]
      const isSpare = branches.every((branch) => (counts.get(branch) ?? 0) > 1)
      if (isSpare) for (const branch of branches) counts.set(branch, (counts.get(branch) ?? 0) - 1)
      return !isSpare
    })
    .reverse()
}

function costOf({ bytes, work }: Entry): number {
  return (bytes.length + 1) * (work + 1)
}
