import { DecisionTree, type Labelled, type Row } from './tree.ts'

/** How well two classes can be told apart. */
export interface Distinction {
  /** Area under the curve of true over false positives: 0.5 is guessing, 1 is certainty. */
  readonly auc: number
  /** Index of the feature that told most; undefined when none told anything. */
  readonly mostTelling: number | undefined
}

const FOLDS = 2

/**
 * Lets a tree learn on one half of the rows and tell apart the other, then the other way round; the mean of both. Rows of the
 * two classes must come in a random order.
 */
export function distinguish(ours: readonly Row[], theirs: readonly Row[]): Distinction {
  let sum = 0
  const votes = new Map<number, number>()
  for (let fold = 0; fold < FOLDS; fold++) {
    const tree = new DecisionTree(join(others(ours, fold), others(theirs, fold)))
    sum += areaUnderCurve(
      part(ours, fold).map((row) => tree.score(row)),
      part(theirs, fold).map((row) => tree.score(row)),
    )
    const { mostTelling } = tree
    if (mostTelling !== undefined) votes.set(mostTelling, (votes.get(mostTelling) ?? 0) + 1)
  }
  const [first] = [...votes].sort((a, b) => b[1] - a[1] || a[0] - b[0])
  return { auc: sum / FOLDS, mostTelling: first?.[0] }
}

/** How often one of ours scores higher than one of theirs, an equal score counting half (the statistic of Mann and Whitney). */
export function areaUnderCurve(ours: readonly number[], theirs: readonly number[]): number {
  const all = [...ours.map((score) => ({ score, isOurs: true })), ...theirs.map((score) => ({ score, isOurs: false }))]
  all.sort((a, b) => a.score - b.score)
  let below = 0
  let wins = 0
  for (let from = 0; from < all.length;) {
    let to = from
    let oursHere = 0
    for (; to < all.length && all[to].score === all[from].score; to++) if (all[to].isOurs) oursHere++
    const theirsHere = to - from - oursHere
    wins += oursHere * (below + theirsHere / 2)
    below += theirsHere
    from = to
  }
  return wins / (ours.length * theirs.length)
}

/**
 * Half the width of a 95 % interval around 0.5 for that many of each class, had they nothing that tells them apart (the
 * variance of Mann and Whitney's statistic).
 */
export function chanceWidth(perClass: number): number {
  return 1.96 * Math.sqrt((2 * perClass + 1) / (12 * perClass * perClass))
}

function part(rows: readonly Row[], fold: number): readonly Row[] {
  return rows.filter((_, at) => at % FOLDS === fold)
}

function others(rows: readonly Row[], fold: number): readonly Row[] {
  return rows.filter((_, at) => at % FOLDS !== fold)
}

function join(ours: readonly Row[], theirs: readonly Row[]): Labelled {
  return { rows: [...ours, ...theirs], labels: [...ours.map(() => true), ...theirs.map(() => false)] }
}
