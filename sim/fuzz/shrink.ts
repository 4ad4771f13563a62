const TRIES_MAX = 20_000

/** A smaller input that still fails: pieces are taken away while that goes on, then bytes become zeros. */
export function shrink(input: Uint8Array, fails: (smaller: Uint8Array) => boolean): Uint8Array {
  let best = input
  let tries = 0
  const takes = (candidate: Uint8Array): boolean => {
    if (tries++ >= TRIES_MAX || !fails(candidate)) return false
    best = candidate
    return true
  }
  for (let isSmaller = true; isSmaller && tries < TRIES_MAX;) {
    const before = best.length
    for (let size = powerOfTwo(best.length); size >= 1; size >>= 1)
      for (let at = 0; at < best.length;) if (!takes(without(best, at, size))) at += size
    isSmaller = best.length < before
  }
  for (let at = 0; at < best.length; at++) {
    if (best[at] === 0) continue
    const candidate = best.slice()
    candidate[at] = 0
    takes(candidate)
  }
  return best
}

function without(bytes: Uint8Array, at: number, count: number): Uint8Array {
  const rest = new Uint8Array(Math.max(at, bytes.length - count))
  rest.set(bytes.subarray(0, at))
  if (at + count < bytes.length) rest.set(bytes.subarray(at + count), at)
  return rest
}

/** The largest that is not larger. */
function powerOfTwo(length: number): number {
  return length === 0 ? 0 : 1 << (31 - Math.clz32(length))
}
