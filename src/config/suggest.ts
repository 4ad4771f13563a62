/** The candidate that a typing error away from `word` was most likely meant; undefined when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = 1 + Math.max(1, Math.floor(word.length / 3))
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue
    const distance = editDistance(word, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Levenshtein's distance with neighbouring letters swapped counted as one edit. Texts over 64 characters are cut. */
export function editDistance(a: string, b: string): number {
  const [x, y] = [a.slice(0, 64), b.slice(0, 64)]
  let twoBack: number[] = []
  let oneBack = Array.from({ length: y.length + 1 }, (_, j) => j)
  for (let i = 1; i <= x.length; i++) {
    const row = [i]
    for (let j = 1; j <= y.length; j++) {
      const cost = x[i - 1] === y[j - 1] ? 0 : 1
      row[j] = Math.min(oneBack[j] + 1, row[j - 1] + 1, oneBack[j - 1] + cost)
      if (i > 1 && j > 1 && x[i - 1] === y[j - 2] && x[i - 2] === y[j - 1])
        row[j] = Math.min(row[j], twoBack[j - 2] + 1)
    }
    twoBack = oneBack
    oneBack = row
  }
  return oneBack[y.length]
}
