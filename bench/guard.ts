/**
 * Measures look-ups of addresses among 200,000 prefixes, alone in this process. See docs/benchmarks.md.
 *
 *   npm run bench:guard        (both runtimes)
 */
import { PrefixTable } from '../src/core/guard/access/prefix-table.ts'
import { Prefixes } from '../src/core/guard/access/prefixes.ts'

const PREFIXES = 200_000
const ADDRESSES = 1 << 16
const ROUNDS = 40
const MB = 1 << 20

const runtime = typeof Bun === 'undefined' ? `node ${process.versions.node}` : `bun ${Bun.version}`
/** A small generator with a seed: all runs look at the same prefixes (xorshift32). */
let state = 88_172_645
function draw(limit: number): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) % limit
}

/** As published lists have them: /16 to /32, and /32 to /64 within the space that is given out. */
function drawBase(family: 4 | 6): Uint8Array {
  const bytes = Uint8Array.from({ length: family === 4 ? 4 : 16 }, () => draw(256))
  if (family === 6) bytes.set([0x2a, draw(16)])
  return bytes
}

for (const family of [4, 6] as const) {
  const prefixes = new Prefixes()
  for (let i = 0; i < PREFIXES; i++) {
    const bits = family === 4 ? 16 + draw(17) : 32 + draw(33)
    const base = drawBase(family).map((byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * at))))
    prefixes.add({ base, bits })
  }
  prefixes.trim()
  const began = performance.now()
  const making = PrefixTable.make([{ prefixes, value: 1 }])
  let step = making.next()
  while (step.done !== true) step = making.next()
  const table = step.value
  const buildMs = performance.now() - began
  const addresses = Array.from({ length: ADDRESSES }, () => drawBase(family))
  let best = Infinity
  let found = 0
  for (let round = 0; round < ROUNDS; round++) {
    const from = performance.now()
    for (const address of addresses) found += table.find(address)
    best = Math.min(best, (performance.now() - from) / ADDRESSES)
  }
  const megabytes = ((table.byteLength + prefixes.byteLength) / MB).toFixed(1)
  console.log(
    `${runtime}: ${PREFIXES} IPv${family} prefixes: ${(best * 1e6).toFixed(0)} ns a look-up, ${megabytes} MB, ` +
      `made in ${buildMs.toFixed(0)} ms (${found})`,
  )
}
