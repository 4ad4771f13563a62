/**
 * Measures what vaults take to answer, in a process of its own on the runtime under measurement: it is told the tokens, the number of
 * rounds and the ms of each lane as JSON, and prints `OperationsResult`. Rounds go through all vaults, so that what the machine does
 * beside us meets all of them.
 */
import type { Hello, Vault } from '../../src/core/ports.ts'
import { readClientHello } from '../../src/core/protocol/faketls/client-hello.ts'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { makeInit } from '../../src/core/protocol/obfuscated2.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import { percentile } from '../stats.ts'
import { startHelper } from './helper.ts'
import { inMemory, inProcess, sealedUnder, takeLabels } from './places.ts'
import { keyOf, type BenchToken } from './tokens.ts'

export interface OperationsOrder {
  readonly softhsm: BenchToken
  readonly nss: BenchToken
  readonly rounds: number
  readonly laneMs: number
}

/** One vault at one operation in one round; times in us. */
export interface Sample {
  readonly perSec: number
  readonly p50: number
  readonly p99: number
}

export interface Lane {
  readonly place: string
  readonly operation: string
  readonly inFlight: number
  readonly rounds: Sample[]
}

export interface OperationsResult {
  readonly lanes: readonly Lane[]
  /** Frames that went to the helper for a match of 16 candidates, and for a signature. */
  readonly frames: { readonly match: number; readonly sign: number }
}

/** Asks once; `done` is called when there is an answer, which is the right one. */
type Ask = (vault: Vault, done: () => void) => void

const CANDIDATES = [1, 4, 16]
/** Hellos of a kind that are asked about in turn: one alone would stay in the caches. */
const HELLOS = 64
/** The answer that a proxy signs: a client's random and a flight of a server. */
const PARTS = [new Uint8Array(32), new Uint8Array(3900)]
const WARM_MS = 20

const random = new SystemRandom()

const { softhsm, nss, rounds, laneMs } = JSON.parse(process.argv[2]) as OperationsOrder
const inSoftHsm = inProcess(softhsm)
const helper = await startHelper(softhsm)
takeLabels(helper.vault)
const places = [
  { name: 'memory', vault: inMemory(), inFlight: 1 },
  { name: 'sealed', vault: sealedUnder(inSoftHsm.token), inFlight: 1 },
  { name: 'SoftHSM', vault: inSoftHsm.vault, inFlight: 1 },
  { name: 'NSS', vault: inProcess(nss).vault, inFlight: 1 },
  { name: 'SoftHSM, helper', vault: helper.vault, inFlight: 1 },
  { name: 'SoftHSM, helper, 64 in flight', vault: helper.vault, inFlight: 64 },
]
const operations = [...CANDIDATES.flatMap((count) => [matching('hello', count), matching('init', count)]), signing()]
const lanes: Lane[] = []
for (const { name: operation, ask } of operations) {
  const own = places.map(({ name: place, inFlight }): Lane => ({ place, operation, inFlight, rounds: [] }))
  lanes.push(...own)
  for (const { vault, inFlight } of places) await sample(vault, ask, inFlight, WARM_MS)
  for (let round = 0; round < rounds; round++)
    for (const [at, { vault, inFlight }] of places.entries())
      own[at].rounds.push(await sample(vault, ask, inFlight, laneMs))
}
const frames = { match: await framesOf(matching('hello', 16).ask), sign: await framesOf(signing().ask) }
await helper.stop()
const result: OperationsResult = { lanes, frames }
console.log(JSON.stringify(result))
process.exit(0)

/** The last of the candidates fits: all are tried. */
function matching(kind: 'hello' | 'init', count: number): { readonly name: string; readonly ask: Ask } {
  const hellos = Array.from({ length: HELLOS }, () => (kind === 'hello' ? helloOf(count) : initOf(count)))
  const candidates = Array.from({ length: count }, (_, at) => at + 1)
  let turn = 0
  const ask: Ask = (vault, done) =>
    vault.match(hellos[turn++ % HELLOS], candidates, (match, trials) => {
      if (typeof match !== 'object' || match.id !== count || trials !== count) throw new Error('a wrong answer')
      done()
    })
  return { name: `${kind}, ${count}`, ask }
}

function signing(): { readonly name: string; readonly ask: Ask } {
  const ask: Ask = (vault, done) =>
    vault.sign({ id: 1, generation: 0 }, PARTS, (mac) => {
      if (mac?.length !== 32) throw new Error('no signature')
      done()
    })
  return { name: 'sign', ask }
}

function helloOf(number: number): Hello {
  const stamp = Math.floor(Date.now() / 1000)
  const { record } = makeClientHello({ random, domain: 'www.example.com', secret: keyOf(number), stamp })
  const read = readClientHello(record)
  if (read.state !== 'hello') throw new Error(`a hello of ours is ${read.state}`)
  return { kind: 'client-hello', record: read.hello.record, random: read.hello.random }
}

function initOf(number: number): Hello {
  return { kind: 'init', wire: makeInit({ random, framing: 'padded', dc: 2, secret: keyOf(number) }).wire }
}

/** Keeps so many questions in flight for so long. */
function sample(vault: Vault, ask: Ask, inFlight: number, forMs: number): Promise<Sample> {
  const took: number[] = []
  const began = performance.now()
  return new Promise((resolve) => {
    let open = inFlight
    const ended = () => {
      if (--open > 0) return
      const sec = (performance.now() - began) / 1000
      resolve({ perSec: took.length / sec, p50: percentile(took, 50), p99: percentile(took, 99) })
    }
    const run = () => {
      // A loop, as answers that come at once would fill the stack.
      for (let isAtOnce = true; isAtOnce;) {
        isAtOnce = false
        let isAsking = true
        const since = performance.now()
        if (since - began >= forMs) return ended()
        ask(vault, () => {
          took.push(1000 * (performance.now() - since))
          if (isAsking) isAtOnce = true
          else run()
        })
        isAsking = false
      }
    }
    for (let lane = 0; lane < inFlight; lane++) run()
  })
}

async function framesOf(ask: Ask): Promise<number> {
  const before = helper.frames()
  await new Promise<void>((resolve) => ask(helper.vault, resolve))
  return helper.frames() - before
}
