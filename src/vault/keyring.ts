import {
  FIRST,
  GENERATION_MAX,
  isUsable,
  KEPT_MAX,
  names,
  readName,
  readRecord,
  retired,
  rotated,
  stateAt,
  USABLE_MAX,
  without,
  writeRecord,
  type Generation,
  type GenerationState,
  type SecretRecord,
} from './generations.ts'
import { hmacId, pairFrom, type Pair } from './pair.ts'
import type { ObjectShelf, StoredObject } from './shelf.ts'
import { NOT_THERE, type SecretFault } from './token.ts'

/** What the keyring refuses to do, in one line. */
export class KeyringFault extends Error {
  constructor(label: string, why: string) {
    super(`${label}: ${why}`)
  }
}

export interface StoredGeneration {
  readonly number: number
  readonly state: GenerationState
  /** Unix seconds, of a retiring one. */
  readonly untilSec?: number
  /** What is wrong with it; undefined: it is whole and cannot leave the token. */
  readonly fault?: SecretFault
}

export interface StoredSecret {
  readonly label: string
  readonly generations: readonly StoredGeneration[]
}

/** A generation by its objects. */
export interface FoundGeneration<O> extends Generation {
  readonly pair: Pair<O>
}

const UNREADABLE = 'its record is of no version that we know'
const CHANGED = 'another command changes it at this moment; try again'

/**
 * Secrets of a token and their generations. A change first makes what is new, then says so in the secret's record, which is one step,
 * and destroys what is old at the end: interrupted anywhere, what worked before works, and the same change made again tidies up.
 */
export class Keyring<O extends StoredObject> {
  readonly #shelf: ObjectShelf<O>

  constructor(shelf: ObjectShelf<O>) {
    this.#shelf = shelf
  }

  /** What may be used of the secret, the active generation first; empty where all are retired. Instants are the caller's to judge. */
  usable(label: string): readonly FoundGeneration<O>[] | { readonly fault: SecretFault } {
    const record = this.#recordOf(label)
    if (record === undefined) return { fault: UNREADABLE }
    const found: FoundGeneration<O>[] = []
    let fault: SecretFault | undefined
    for (const generation of [...record.generations].reverse()) {
      if (generation.state === 'retired') continue
      const pair = this.#pairOf(label, generation.number)
      if ('fault' in pair) fault ??= pair.fault
      else found.push({ ...generation, pair })
    }
    if (found.length > 0 || fault === undefined) return found
    return { fault }
  }

  /** Every secret, in the order of their labels; keys that are not ours are named with a fault. */
  list(nowSec: number): readonly StoredSecret[] {
    const byLabel = new Map<string, O[]>()
    for (const object of this.#shelf.find()) {
      const label = readName(object.name)?.label ?? object.name
      const others = byLabel.get(label)
      if (others === undefined) byLabel.set(label, [object])
      else others.push(object)
    }
    return [...byLabel.keys()].sort().map((label) => ({
      label,
      generations: generationsOf(byLabel.get(label) ?? [], nowSec),
    }))
  }

  /** One of them; undefined: there is nothing of that name. */
  get(label: string, nowSec: number): StoredSecret | undefined {
    return this.list(nowSec).find((secret) => secret.label === label)
  }

  /** Puts a new secret in, as generation 1. False: there is something of that name already. */
  store(label: string, key: Uint8Array): boolean {
    if (this.#objectsOf(label).length > 0) return false
    this.#create(label, 1, key)
    return true
  }

  /** Makes a new generation the active one; what was active goes on for `overlapSec`, and not at all where that is 0. Its number. */
  rotate(label: string, key: Uint8Array, { overlapSec, nowSec }: { overlapSec: number; nowSec: number }): number {
    const record = this.#known(label)
    this.#tidy(label, record)
    if (this.#objectsOf(label).length === 0) throw new KeyringFault(label, NOT_THERE)
    const usable = record.generations.filter((one) => isUsable(one, nowSec)).length
    if (overlapSec > 0 && usable >= USABLE_MAX)
      throw new KeyringFault(label, `${usable} generations are in use already: retire the older ones before`)
    const kept = record.generations.length
    if (kept >= KEPT_MAX)
      throw new KeyringFault(label, `it has ${kept} generations already: destroy retired ones before`)
    const number = (record.generations.at(-1)?.number ?? 0) + 1
    if (number > GENERATION_MAX) throw new KeyringFault(label, 'it was rotated too often: make one of another label')
    this.#create(label, number, key)
    this.#replace(label, record, rotated(record, number, nowSec + overlapSec, nowSec), number)
    return number
  }

  /** Ends the overlap of all that are retiring, or of one. The numbers of those that were. */
  retire(label: string, nowSec: number, number?: number): readonly number[] {
    const record = this.#known(label)
    const ended = record.generations.filter(
      (one) => one.state === 'retiring' && (number === undefined || one.number === number) && isUsable(one, nowSec),
    )
    if (ended.length > 0)
      this.#replace(
        label,
        record,
        retired(record, (one) => ended.includes(one)),
      )
    return ended.map((one) => one.number)
  }

  /** Retires what is to be destroyed, the active generation too: one generation, or all. */
  condemn(label: string, number?: number): void {
    const record = this.#recordOf(label)
    if (record === undefined) return
    const isMeant = (one: Generation) => number === undefined || one.number === number
    if (record.generations.some((one) => isMeant(one) && one.state !== 'retired'))
      this.#replace(label, record, retired(record, isMeant))
  }

  /** Destroys one generation, or all and the record with them. Whatever of it is still in use is so no more. */
  destroy(label: string, number?: number): void {
    const record = number === undefined ? undefined : this.#known(label)
    if (record === undefined || number === undefined) {
      const objects = this.#objectsOf(label)
      const isRecord = ({ name }: O) => name === names.record(label)
      // Without its record a secret would be as if it had never been rotated: that goes last.
      for (const object of objects.filter((one) => !isRecord(one))) this.#shelf.destroy(object)
      for (const object of objects.filter(isRecord)) this.#shelf.destroy(object)
      return
    }
    this.#destroyPair(label, number)
    if (!record.generations.some((one) => one.number === number)) return
    const left = without(record, number)
    if (left.generations.length === 0 && this.#objectsOf(label).every(({ name }) => name === names.record(label)))
      this.destroy(label)
    else this.#replace(label, record, left)
  }

  /** Puts a generation back as the active one, where the token has none in use. False: it is there already, and whole. */
  restore(label: string, number: number, key: Uint8Array, nowSec: number): boolean {
    const known = this.#known(label)
    const isEmpty = known === FIRST && 'fault' in this.#pairOf(label, 1)
    const record = isEmpty ? { ...known, generations: [] } : known
    const inUse = record.generations.filter(
      (one) => isUsable(one, nowSec) && !('fault' in this.#pairOf(label, one.number)),
    )
    if (inUse.some((one) => one.number === number && one.state === 'active')) return false
    if (inUse.length > 0)
      throw new KeyringFault(label, `the token has generation ${inUse[0].number} of it, which is in use`)
    this.#tidy(label, record)
    this.#destroyPair(label, number)
    this.#create(label, number, key)
    if (number > 1 || known !== FIRST)
      this.#replace(label, record, rotated(without(record, number), number, nowSec, nowSec), number)
    return true
  }

  /** What an interrupted change left: pairs that no record names. */
  #tidy(label: string, record: SecretRecord): void {
    const kept = new Set(record.generations.map(({ number }) => number))
    for (const object of this.#objectsOf(label)) {
      const { part, number } = readName(object.name) ?? { part: 'record', number: 0 }
      if (part !== 'record' && !kept.has(number)) this.#shelf.destroy(object)
    }
  }

  /** Their ids tell that two objects belong together. They differ, since NSS keeps one key of an id. */
  #create(label: string, number: number, key: Uint8Array): void {
    const id = this.#shelf.newId()
    this.#shelf.create({ name: names.digest(label, number), id, part: 'digest', key })
    try {
      this.#shelf.create({ name: names.hmac(label, number), id: hmacId(id), part: 'hmac', key })
    } catch (error) {
      this.#undo(label, number)
      throw error
    }
  }

  /** The new record, then the old ones away. Where another command was faster, `made` is not to stay. */
  #replace(label: string, before: SecretRecord, after: SecretRecord, made?: number): void {
    if (this.#recordOf(label)?.version !== before.version) {
      if (made !== undefined) this.#undo(label, made)
      throw new KeyringFault(label, CHANGED)
    }
    const old = this.#recordsOf(label)
    this.#shelf.create({ name: names.record(label), id: asBytes(writeRecord(label, after)), part: 'record' })
    for (const object of old) this.#shelf.destroy(object)
  }

  #destroyPair(label: string, number: number): void {
    for (const name of [names.hmac(label, number), names.digest(label, number)])
      for (const object of this.#shelf.find(name)) this.#shelf.destroy(object)
  }

  #undo(label: string, number: number): void {
    try {
      this.#destroyPair(label, number)
    } catch {
      // The next change of this secret tidies up; what went wrong first is what is told.
    }
  }

  #pairOf(label: string, number: number): Pair<O> | { readonly fault: SecretFault } {
    return pairFrom(this.#shelf.find(names.digest(label, number)), this.#shelf.find(names.hmac(label, number)))
  }

  #recordsOf(label: string): readonly O[] {
    return this.#shelf.find(names.record(label))
  }

  #recordOf(label: string): SecretRecord | undefined {
    return recordFrom(this.#recordsOf(label))
  }

  /** To be changed: older records that an interrupted change left are destroyed. */
  #known(label: string): SecretRecord {
    const record = this.#recordOf(label)
    if (record === undefined) throw new KeyringFault(label, UNREADABLE)
    const [, ...older] = this.#recordsOf(label).toSorted(
      (a, b) => Number(isOf(b, label, record)) - Number(isOf(a, label, record)),
    )
    for (const object of older) this.#shelf.destroy(object)
    return record
  }

  #objectsOf(label: string): readonly O[] {
    return this.#shelf.find().filter(({ name }) => (readName(name)?.label ?? name) === label)
  }
}

/** The one that counts; that of a secret never rotated where there is none; undefined where none can be read. */
function recordFrom(objects: readonly StoredObject[]): SecretRecord | undefined {
  if (objects.length === 0) return FIRST
  const records = objects.flatMap(({ id }) => readRecord(asText(id)) ?? [])
  // Two of one version come of two commands at one moment: all who look must agree which of them counts.
  const order = (record: SecretRecord) => `${String(record.version).padStart(9, '0')} ${writeRecord('', record)}`
  return records.sort((a, b) => (order(a) < order(b) ? -1 : 1)).at(-1)
}

function generationsOf(objects: readonly StoredObject[], nowSec: number): StoredGeneration[] {
  const parts = objects.map((object) => ({ object, ...(readName(object.name) ?? { part: 'digest', number: 1 }) }))
  const of = (part: string, number: number) =>
    parts.filter((one) => one.part === part && one.number === number).map(({ object }) => object)
  const record = recordFrom(of('record', 0))
  const inRecord = new Map((record ?? FIRST).generations.map((one) => [one.number, one]))
  const numbers = new Set(parts.filter(({ part }) => part !== 'record').map(({ number }) => number))
  for (const number of inRecord.keys()) if (record !== FIRST) numbers.add(number)
  return [...numbers]
    .sort((a, b) => a - b)
    .map((number) => {
      const one = inRecord.get(number)
      const pair = pairFrom(of('digest', number), of('hmac', number))
      const fault = record === undefined ? UNREADABLE : 'fault' in pair ? pair.fault : undefined
      const state = one === undefined ? 'created' : stateAt(one, nowSec)
      const until = state === 'retiring' ? { untilSec: one?.untilSec } : {}
      return { number, state, ...until, ...(fault === undefined ? {} : { fault }) }
    })
}

function isOf({ id }: StoredObject, label: string, record: SecretRecord): boolean {
  return asText(id) === writeRecord(label, record)
}

function asBytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1')
}

function asText(id: string): string {
  return Buffer.from(id, 'hex').toString('latin1')
}
