/**
 * Measures what it costs to have secrets in a token: operations of each vault, what a client waits for at its hello, and what clients who
 * are connected feel when many come. Everything beside secrets in memory, in the same run. See docs/benchmarks.md.
 *
 *   node bench/vault.ts [--runtime bun|node|both] [--only operations,connects,live] [--rounds N] [--quick]
 *
 * `--quick`: Bun alone unless said otherwise, one round, and ends within half a minute.
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { inRoot, runtimePath } from './process.ts'
import type { RuntimeName } from './report.ts'
import { measureConnects } from './vault/connect.ts'
import { measureLive } from './vault/live.ts'
import type { OperationsOrder, OperationsResult } from './vault/operations.ts'
import { connectTable, liveTable, operationsTable } from './vault/tables.ts'
import { makeTokens, type BenchTokens } from './vault/tokens.ts'

const PARTS = ['operations', 'connects', 'live'] as const
const FULL = { rounds: 3, laneMs: 100, clients: 500, liveMs: 3_000 }
const QUICK = { rounds: 1, laneMs: 15, clients: 60, liveMs: 600 }
const OPERATIONS_LIMIT_MS = 120_000

const { values } = parseArgs({
  options: {
    runtime: { type: 'string' },
    only: { type: 'string', default: PARTS.join(',') },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
})
const amounts = values.quick ? QUICK : FULL
const rounds = Number(values.rounds ?? amounts.rounds)
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds: expected a number from 1, got ${values.rounds}`)
const parts = new Set(values.only.split(','))
const wrong = [...parts].find((part) => !PARTS.some((one) => one === part))
if (wrong !== undefined) throw new Error(`--only: expected some of ${PARTS.join(', ')}, got ${wrong}`)

const tokens = makeTokens()
try {
  for (const runtime of readRuntimes(values.runtime ?? (values.quick ? 'bun' : 'both'))) await measure(runtime, tokens)
} finally {
  tokens.remove()
}

function readRuntimes(text: string): readonly RuntimeName[] {
  if (text === 'both') return ['bun', 'node']
  if (text === 'bun' || text === 'node') return [text]
  throw new Error(`--runtime: expected bun, node or both, got ${text}`)
}

async function measure(runtime: RuntimeName, tokens: BenchTokens): Promise<void> {
  if (parts.has('operations')) {
    const { lanes, frames } = runOperations(runtime, { ...tokens, rounds, laneMs: amounts.laneMs })
    const sent = `Frames to the helper: ${frames.match} for a match of 16 candidates, ${frames.sign} for a signature.`
    console.log(`\n${runtime}: operations\n\n${operationsTable(lanes)}\n\n${sent}`)
  }
  if (parts.has('connects')) {
    const rows = await measureConnects(runtime, tokens, { rounds, clients: amounts.clients, isShort: values.quick })
    console.log(`\n${runtime}: from the connect to the answer\n\n${connectTable(rows)}`)
  }
  if (parts.has('live')) {
    const scenes = await measureLive(runtime, tokens, { rounds, forMs: amounts.liveMs, isShort: values.quick })
    console.log(`\n${runtime}: round trips of those who are connected\n\n${liveTable(scenes)}`)
  }
}

/** In a process of its own, on that runtime. */
function runOperations(runtime: RuntimeName, order: OperationsOrder): OperationsResult {
  const args = [inRoot('bench/vault/operations.ts'), JSON.stringify(order)]
  const { status, signal, stdout } = spawnSync(runtimePath(runtime), args, {
    ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: OPERATIONS_LIMIT_MS },
  })
  if (status !== 0) throw new Error(`the operations on ${runtime} ended with ${signal ?? status}`)
  return JSON.parse(stdout) as OperationsResult
}
