/** One observation, as numbers in the order of the features. */
export type Row = readonly number[]

export interface Labelled {
  readonly rows: readonly Row[]
  /** One for each row: whether it belongs to the class that is looked for. */
  readonly labels: readonly boolean[]
}

interface Leaf {
  /** Share of the training rows in it that belonged to the class, 0..1. */
  readonly score: number
}

interface Split {
  readonly feature: number
  /** Rows at or below it go left. */
  readonly at: number
  readonly left: Node
  readonly right: Node
}

type Node = Leaf | Split

const DEPTH_MAX = 6
/** In smaller leaves a tree learns its samples by heart. */
const LEAF_MIN_SHARE = 1 / 100
const LEAF_MIN = 8
/** A split must take so much of Gini's impurity, times rows, away: chi-square of 12, which noise seldom reaches. */
const GAIN_MIN = 6

/**
 * A classification tree (Breiman and others, 1984): the split that takes most of Gini's impurity away, then the next. Additions,
 * products and quotients alone, so that every runtime grows the same tree.
 */
export class DecisionTree {
  readonly #root: Node
  readonly #gains: number[]

  constructor({ rows, labels }: Labelled) {
    const features = rows[0]?.length ?? 0
    this.#gains = Array.from({ length: features }, () => 0)
    const leafMin = Math.max(LEAF_MIN, Math.floor(rows.length * LEAF_MIN_SHARE))
    const everybody = rows.map((_, at) => at)
    this.#root = this.#grow({ rows, labels, leafMin }, everybody, DEPTH_MAX)
  }

  /** How likely that row belongs to the class, 0..1. */
  score(row: Row): number {
    let node = this.#root
    while (!('score' in node)) node = row[node.feature] <= node.at ? node.left : node.right
    return node.score
  }

  /** Index of the feature whose splits took most impurity away; undefined when nothing was worth a split. */
  get mostTelling(): number | undefined {
    let best: number | undefined
    this.#gains.forEach((gain, at) => {
      if (gain > 0 && (best === undefined || gain > this.#gains[best])) best = at
    })
    return best
  }

  #grow(training: Training, members: readonly number[], depth: number): Node {
    const inClass = members.filter((at) => training.labels[at]).length
    const leaf = { score: members.length === 0 ? 0.5 : inClass / members.length }
    if (depth === 0 || inClass === 0 || inClass === members.length) return leaf
    const best = bestSplit(training, members, inClass)
    if (best === undefined) return leaf
    this.#gains[best.feature] += best.gain
    const goesLeft = (member: number) => training.rows[member][best.feature] <= best.at
    const left = this.#grow(training, members.filter(goesLeft), depth - 1)
    const right = this.#grow(
      training,
      members.filter((member) => !goesLeft(member)),
      depth - 1,
    )
    return { feature: best.feature, at: best.at, left, right }
  }
}

interface Training extends Labelled {
  readonly leafMin: number
}

interface Candidate {
  readonly feature: number
  readonly at: number
  readonly gain: number
}

function bestSplit(training: Training, members: readonly number[], inClass: number): Candidate | undefined {
  let best: Candidate | undefined
  for (let feature = 0; feature < training.rows[0].length; feature++) {
    const found = bestOfFeature(training, members, inClass, feature)
    if (found !== undefined && found.gain >= GAIN_MIN && (best === undefined || found.gain > best.gain)) best = found
  }
  return best
}

function bestOfFeature(
  { rows, labels, leafMin }: Training,
  members: readonly number[],
  inClass: number,
  feature: number,
): Candidate | undefined {
  const sorted = [...members].sort((a, b) => rows[a][feature] - rows[b][feature])
  const whole = impurity(inClass, sorted.length)
  let best: Candidate | undefined
  let inLeft = 0
  for (let left = 1; left < sorted.length; left++) {
    if (labels[sorted[left - 1]]) inLeft++
    const [here, next] = [rows[sorted[left - 1]][feature], rows[sorted[left]][feature]]
    if (here === next || left < leafMin || sorted.length - left < leafMin) continue
    const gain = whole - impurity(inLeft, left) - impurity(inClass - inLeft, sorted.length - left)
    if (best === undefined || gain > best.gain) best = { feature, at: (here + next) / 2, gain }
  }
  return best
}

/** Gini's, times the number of rows. */
function impurity(inClass: number, all: number): number {
  return (2 * inClass * (all - inClass)) / all
}
