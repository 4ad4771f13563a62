import { setTimeout as sleep } from 'node:timers/promises'
import type { RuntimeName } from '../report.ts'
import { percentile } from '../stats.ts'
import { makeHello } from './client.ts'
import { LiveRelays, sendCrowd, startEcho } from './crowd.ts'
import { SOFTWARE_USER, startVaultProxy, TOKEN_USER, type Provider } from './proxy.ts'
import { SLOW_MS, type BenchToken, type BenchTokens } from './tokens.ts'

/** What clients who are connected feel of those who come; round trips through the proxy in ms. */
export interface LiveRow {
  readonly place: string
  /** Handshakes a second that were begun, and that were answered in time. */
  readonly offeredPerSec: number
  readonly answeredPerSec: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** The proxy's own word: how late a regular tick came at worst. */
  readonly loopLagMs: number
}

export interface LiveOptions {
  readonly rounds: number
  readonly forMs: number
  /** Without the scenes that are there to compare. */
  readonly isShort: boolean
}

const PER_SEC = 1_000
/** Within what each of them can do. */
const FEW_PER_SEC = 100
const WARM = 30
const WARM_PER_SEC = 100
const SETTLE_MS = 300

interface Scene {
  readonly place: string
  /** Undefined: the crowd's secret is in the memory of the proxy. */
  readonly token?: { readonly place: BenchToken; readonly provider: Provider }
  readonly perSec: number
}

/** Rounds of all scenes: for each scene, its rounds. */
export async function measureLive(
  runtime: RuntimeName,
  tokens: BenchTokens,
  { rounds: count, forMs, isShort }: LiveOptions,
): Promise<LiveRow[][]> {
  const { softhsm, slow } = tokens
  const inproc = (place: BenchToken) => ({ token: { place, provider: 'inproc' as const }, perSec: PER_SEC })
  const helper = (place: BenchToken) => ({ token: { place, provider: 'helper' as const }, perSec: PER_SEC })
  const scenes: readonly Scene[] = [
    ...(isShort ? [] : [{ place: 'nobody comes', perSec: 0 }]),
    { place: 'memory', perSec: PER_SEC },
    { place: 'SoftHSM', ...inproc(softhsm) },
    { place: 'SoftHSM, helper', ...helper(softhsm) },
    { place: `${SLOW_MS} ms HSM`, ...inproc(slow) },
    { place: `${SLOW_MS} ms HSM, helper`, ...helper(slow) },
    ...(isShort ? [] : [{ place: `${SLOW_MS} ms HSM`, ...inproc(slow), perSec: FEW_PER_SEC }]),
    ...(isShort ? [] : [{ place: `${SLOW_MS} ms HSM, helper`, ...helper(slow), perSec: FEW_PER_SEC }]),
  ]
  const rounds: LiveRow[][] = scenes.map(() => [])
  for (let round = 0; round < count; round++)
    for (const [at, scene] of scenes.entries()) rounds[at].push(await play(runtime, scene, forMs))
  return rounds
}

async function play(runtime: RuntimeName, { place, token, perSec }: Scene, forMs: number): Promise<LiveRow> {
  const dc = await startEcho()
  const proxy = await startVaultProxy(runtime, { dcPort: dc.port, ...(token && { token }) })
  try {
    const user = token === undefined ? SOFTWARE_USER : TOKEN_USER
    const makeHellos = (count: number) => Array.from({ length: count }, () => makeHello(user))
    // Before the clock runs: the generator must not be what is measured.
    const hellos = makeHellos((perSec * forMs) / 1000)
    await sendCrowd(proxy.port, makeHellos(WARM), WARM_PER_SEC)
    const relays = await LiveRelays.open(proxy.port)
    await sleep(SETTLE_MS)
    const began = performance.now()
    const [answeredPerSec] = await Promise.all([sendCrowd(proxy.port, hellos, perSec), sleep(forMs)])
    const took = relays.tookBetween(began, began + forMs)
    const [p50, p99, max] = [50, 99, 100].map((percent) => percentile(took, percent))
    const loopLagMs = await proxy.loopLagMs()
    relays.close()
    return { place, offeredPerSec: perSec, answeredPerSec, p50, p99, max, loopLagMs }
  } finally {
    await proxy.stop()
    dc.close()
  }
}
