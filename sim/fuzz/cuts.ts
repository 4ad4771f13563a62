/** Mixes bytes into a number, 0..2^32-1: FNV-1a. */
export function mixed(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193)
  return hash >>> 0
}

/** Where an input is cut, which its own bytes decide: the same input is always cut alike. Ascending, the last is its length. */
export function cutsOf(input: Uint8Array): number[] {
  const cuts: number[] = []
  let state = mixed(input) | 1
  // Most cuts lie near the start, where heads are.
  const spread = [2, 8, 64, 1024][state >>> 30]
  for (let at = 0; at < input.length && cuts.length < 24;) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    at += 1 + ((state >>> 8) % spread)
    if (at < input.length) cuts.push(at)
  }
  cuts.push(input.length)
  return cuts
}

/** Copies of the pieces, as a socket gives them. */
export function pieces(input: Uint8Array): Uint8Array[] {
  let from = 0
  return cutsOf(input).map((end) => {
    const piece = input.slice(from, end)
    from = end
    return piece
  })
}
