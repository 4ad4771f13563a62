import type { Address } from '../../src/core/ports.ts'
import { toHex } from '../../src/core/protocol/bytes.ts'
import type { ClientSecret } from '../../src/core/protocol/secret.ts'
import { createRuntime } from '../../src/runtime/index.ts'
import { startSimulatedTelegram, type SimulatedTelegram } from '../telegram/serve.ts'
import { Failed, missingFor, Skipped, type Case, type Context, type Result } from './case.ts'
import { GROUPS } from './groups/index.ts'
import { Wire } from './wire.ts'

export interface ConformanceOptions {
  readonly target: Address
  readonly secret: ClientSecret
  readonly mask?: Address
  /** Where to stand in for Telegram, before the first case. */
  readonly telegram?: Address
  readonly dc: number
  readonly hasProxyHeaders: boolean
  /** Numbers of groups (`3`) and cases (`3.2`); all unless given. */
  readonly only?: readonly string[]
  readonly answerMs: number
  readonly silenceMs: number
  readonly slackMs: number
  readonly samples: number
  readonly onResult: (result: Result) => void
}

const OBSERVED_MAX_BYTES = 48
/** A case may wait for several answers. */
const CASE_ANSWERS_MAX = 12

/** Numbers of all groups and cases, for whoever wants some of them. */
export function knownIds(): ReadonlySet<string> {
  return new Set(GROUPS.flatMap(({ cases }, at) => [`${at + 1}`, ...cases.map((_, i) => `${at + 1}.${i + 1}`)]))
}

/** Tries every case, those of a group side by side: most of their time is waiting. Tells of each in its order. */
export async function tryAll(options: ConformanceOptions): Promise<readonly Result[]> {
  const { only, onResult } = options
  const results: Result[] = []
  const telegram = options.telegram === undefined ? undefined : await standIn(options.telegram)
  try {
    for (const [at, { title: group, cases, isSerial = false }] of GROUPS.entries()) {
      let before: Promise<unknown> = Promise.resolve()
      const trying = cases.flatMap((one, i) => {
        const id = `${at + 1}.${i + 1}`
        if (only !== undefined && !only.includes(id) && !only.includes(`${at + 1}`)) return []
        const outcome = isSerial ? before.then(() => tryOne(one, options, telegram)) : tryOne(one, options, telegram)
        before = outcome
        return [outcome.then((found): Result => ({ id, group, title: one.title, ...found }))]
      })
      for (const next of trying) {
        const result = await next
        results.push(result)
        onResult(result)
      }
    }
  } finally {
    telegram?.close()
  }
  return results
}

function standIn({ ip, port }: Address): Promise<SimulatedTelegram> {
  return startSimulatedTelegram({ host: ip, port })
}

type Outcome = Pick<Result, 'verdict' | 'why' | 'observed' | 'tookMs'>

async function tryOne(
  one: Case,
  options: ConformanceOptions,
  telegram: SimulatedTelegram | undefined,
): Promise<Outcome> {
  const { clock, random } = createRuntime()
  const wires: Wire[] = []
  const { target, secret, mask, dc, hasProxyHeaders, answerMs, silenceMs, slackMs, samples } = options
  const context: Context = {
    ...{ target, secret, mask, telegram, dc, hasProxyHeaders, clock, random },
    ...{ answerMs, silenceMs, slackMs, samples },
    async dial(to = target) {
      const wire = await Wire.open(to, answerMs)
      wires.push(wire)
      return wire
    },
  }
  const missing = (one.needs ?? []).map((need) => missingFor(need, context)).find((why) => why !== undefined)
  if (missing !== undefined) return { verdict: 'skip', why: missing, observed: '', tookMs: 0 }
  const startedAt = performance.now()
  const outcome = await verdictOf(one, context)
  for (const wire of wires) wire.close()
  return { ...outcome, tookMs: performance.now() - startedAt }
}

async function verdictOf(one: Case, context: Context): Promise<Omit<Outcome, 'tookMs'>> {
  const limitMs = CASE_ANSWERS_MAX * context.answerMs
  let limit: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    limit = setTimeout(() => reject(new Failed(`not done within ${limitMs} ms`)), limitMs)
  })
  try {
    await Promise.race([one.run(context), late])
    return { verdict: 'pass', why: '', observed: '' }
  } catch (error) {
    if (error instanceof Skipped) return { verdict: 'skip', why: error.message, observed: '' }
    if (!(error instanceof Failed)) throw error
    const { message, observed = new Uint8Array(0) } = error
    const shown = toHex(observed.subarray(0, OBSERVED_MAX_BYTES))
    return { verdict: 'fail', why: message, observed: observed.length > OBSERVED_MAX_BYTES ? `${shown}...` : shown }
  } finally {
    clearTimeout(limit)
  }
}
