/**
 * What pools do for clients, in the virtual world and so to the millisecond the same on every machine and runtime: links to
 * middle proxies in use, and what dialling ahead saves. See docs/benchmarks.md.
 *
 *   node bench/pools.ts [--seed N]
 */
import { parseArgs } from 'node:util'
import { aheadTable, linksTable } from './pools/tables.ts'

const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' } } })
const seed = Number(values.seed)
if (!Number.isInteger(seed)) throw new Error(`--seed: expected a whole number, got ${values.seed}`)
console.log(`${linksTable(seed)}\n\n${aheadTable(seed)}`)
