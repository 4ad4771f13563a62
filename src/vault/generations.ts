/** What becomes of a generation of a secret, in this order; one that is in the token and in no record yet is `created`. */
export type GenerationState = 'created' | 'active' | 'retiring' | 'retired'

/** One generation as the token's record has it. */
export interface Generation {
  /** 1..65,535; a later one has a greater number. */
  readonly number: number
  readonly state: Exclude<GenerationState, 'created'>
  /** Unix seconds at which a retiring one is retired. */
  readonly untilSec?: number
}

/** How a secret stands: one object of the token, so that every change of it is one step. */
export interface SecretRecord {
  /** Of two records the one that was made later counts: a change makes the new one before it destroys the old. */
  readonly version: number
  /** By their numbers, the newest at the end. */
  readonly generations: readonly Generation[]
}

export const GENERATION_MAX = 65_535
/** Each that may still be used is one more trial for every stranger. */
export const USABLE_MAX = 4
/** More than can be used at once and be kept for a while. */
export const KEPT_MAX = 16

/** A secret that was never rotated needs no record: what tokens had before there were any. */
export const FIRST: SecretRecord = { version: 0, generations: [{ number: 1, state: 'active' }] }

/** A retiring one is retired from its instant on, whether or not anybody writes it down. */
export function stateAt({ state, untilSec }: Generation, nowSec: number): GenerationState {
  return state === 'retiring' && untilSec !== undefined && nowSec >= untilSec ? 'retired' : state
}

export function isUsable(generation: Generation, nowSec: number): boolean {
  return stateAt(generation, nowSec) !== 'retired'
}

/** Makes `number` the active one. What was active goes on until `untilSec`, and no longer than now where that is over already. */
export function rotated(record: SecretRecord, number: number, untilSec: number, nowSec: number): SecretRecord {
  const older = record.generations.map((one): Generation => {
    if (!isUsable(one, nowSec)) return { number: one.number, state: 'retired' }
    if (one.state === 'retiring') return one
    return untilSec > nowSec
      ? { number: one.number, state: 'retiring', untilSec }
      : { number: one.number, state: 'retired' }
  })
  return next(record, [...older, { number, state: 'active' }])
}

/** Retires those that `which` names. */
export function retired(record: SecretRecord, which: (generation: Generation) => boolean): SecretRecord {
  const generations = record.generations.map((one): Generation =>
    which(one) ? { number: one.number, state: 'retired' } : one,
  )
  return next(record, generations)
}

export function without(record: SecretRecord, number: number): SecretRecord {
  return next(
    record,
    record.generations.filter((one) => one.number !== number),
  )
}

function next({ version }: SecretRecord, generations: readonly Generation[]): SecretRecord {
  return { version: version + 1, generations: [...generations].sort((a, b) => a.number - b.number) }
}

/** Such as `palisade 3 family 1:retired 2:retiring:1764201600 3:active`: no other secret has one like it (NSS keeps one key of an id). */
export function writeRecord(label: string, { version, generations }: SecretRecord): string {
  const words = generations.map(({ number, state, untilSec }) =>
    [number, state, ...(untilSec === undefined ? [] : [untilSec])].join(':'),
  )
  return ['palisade', version, label, ...words].join(' ')
}

/** As in the names of its objects. */
const LABEL = /^[^ :]+$/
const GENERATION = /^([1-9]\d{0,4}):(?:(active|retired)|(retiring):(0|[1-9]\d{0,11}))$/

/** Undefined for what no version of ours has written. */
export function readRecord(text: string): SecretRecord | undefined {
  const [head, version, label, ...words] = text.split(' ')
  if (
    head !== 'palisade' ||
    !/^(0|[1-9]\d{0,8})$/.test(version ?? '') ||
    !LABEL.test(label ?? '') ||
    words.length > KEPT_MAX
  )
    return undefined
  const generations: Generation[] = []
  for (const word of words) {
    const [, digits, plain, retiring, until] = GENERATION.exec(word) ?? []
    const number = Number(digits)
    if (!(number > (generations.at(-1)?.number ?? 0)) || number > GENERATION_MAX) return undefined
    if (retiring === undefined) generations.push({ number, state: plain as 'active' | 'retired' })
    else generations.push({ number, state: 'retiring', untilSec: Number(until) })
  }
  if (generations.filter(({ state }) => state === 'active').length > 1) return undefined
  return { version: Number(version), generations }
}

/**
 * What objects of a secret are called in a token: labels of secrets have no blank, so that none of these can be one. The first
 * generation is called as secrets were before there were several.
 */
export const names = {
  digest: (label: string, number: number): string => (number === 1 ? label : `${label} (${number})`),
  hmac: (label: string, number: number): string => (number === 1 ? `${label} (hmac)` : `${label} (${number}, hmac)`),
  record: (label: string): string => `${label} (state)`,
}

const NAME = /^([^ ]+)(?: \((?:(hmac)|(state)|([1-9]\d{0,4})(, hmac)?)\))?$/

/** Of which secret, and which part; undefined for a name that is not one of ours. */
export function readName(
  name: string,
): { readonly label: string; readonly part: 'record' | 'digest' | 'hmac'; readonly number: number } | undefined {
  const [, label, first, record, digits, later] = NAME.exec(name) ?? []
  if (label === undefined) return undefined
  if (record !== undefined) return { label, part: 'record', number: 0 }
  const number = Number(digits ?? 1)
  // The first one's number is not written.
  if (digits === '1' || number > GENERATION_MAX) return undefined
  return { label, part: (first ?? later) ? 'hmac' : 'digest', number }
}
