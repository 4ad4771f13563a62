import type { RuntimeName } from '../report.ts'
import { median, percentile } from '../stats.ts'
import { makeHello, shakeHands } from './client.ts'
import { SOFTWARE_USER, startVaultProxy, TOKEN_USER, type Provider, type User } from './proxy.ts'
import type { BenchToken, BenchTokens } from './tokens.ts'

/** From the connect to the answer to a hello, in us; medians over the rounds. */
export interface ConnectRow {
  readonly place: string
  readonly software: Latency
  readonly token: Latency
  /** Of the medians of each round, token over software: lowest and highest. */
  readonly ratios: readonly [min: number, max: number]
}

export interface Latency {
  readonly p50: number
  readonly p99: number
}

export interface ConnectOptions {
  readonly rounds: number
  /** Of each secret, in each round. */
  readonly clients: number
  /** SoftHSM alone. */
  readonly isShort: boolean
}

const LIMIT_MS = 5_000
const WARM = 50

/**
 * Clients come to the real program one after the other, in turn with the secret in its memory and with the one in the token: the same
 * process, so that the machine's load and the program's age are the same for both.
 */
export async function measureConnects(
  runtime: RuntimeName,
  tokens: BenchTokens,
  { rounds, clients, isShort }: ConnectOptions,
): Promise<ConnectRow[]> {
  const subjects: readonly (readonly [string, BenchToken, Provider])[] = [
    ['SoftHSM', tokens.softhsm, 'inproc'],
    ['NSS', tokens.nss, 'inproc'],
    ['SoftHSM, helper', tokens.softhsm, 'helper'],
    ['NSS, helper', tokens.nss, 'helper'],
  ]
  const rows: ConnectRow[] = []
  for (const [name, place, provider] of subjects) {
    if (isShort && place !== tokens.softhsm) continue
    const proxy = await startVaultProxy(runtime, { dcPort: 1, token: { place, provider } })
    try {
      await alternate(proxy.port, WARM)
      const each: { readonly software: Latency; readonly token: Latency }[] = []
      for (let round = 0; round < rounds; round++) each.push(await alternate(proxy.port, clients))
      rows.push(rowOf(name, each))
    } finally {
      await proxy.stop()
    }
  }
  return rows
}

async function alternate(port: number, clients: number): Promise<{ software: Latency; token: Latency }> {
  const [software, token]: [number[], number[]] = [[], []]
  for (let client = 0; client < clients; client++) {
    software.push(await once(port, SOFTWARE_USER))
    token.push(await once(port, TOKEN_USER))
  }
  return { software: latencyOf(software), token: latencyOf(token) }
}

async function once(port: number, user: User): Promise<number> {
  const answer = await shakeHands(port, makeHello(user), LIMIT_MS)
  if (answer === undefined) throw new Error('a client that knows its secret got no answer')
  return 1000 * answer
}

function latencyOf(values: readonly number[]): Latency {
  return { p50: percentile(values, 50), p99: percentile(values, 99) }
}

function rowOf(place: string, rounds: readonly { software: Latency; token: Latency }[]): ConnectRow {
  const over = (who: 'software' | 'token', what: keyof Latency) => median(rounds.map((round) => round[who][what]))
  const ratios = rounds.map(({ software, token }) => token.p50 / software.p50)
  return {
    place,
    software: { p50: over('software', 'p50'), p99: over('software', 'p99') },
    token: { p50: over('token', 'p50'), p99: over('token', 'p99') },
    ratios: [Math.min(...ratios), Math.max(...ratios)],
  }
}
