import { isUsable } from '../../src/vault/generations.ts'
import { Keyring } from '../../src/vault/keyring.ts'
import { DIGEST_LENGTH, HMAC_LENGTH } from '../../src/vault/pair.ts'
import type { ObjectPlan, ObjectShelf, StoredObject } from '../../src/vault/shelf.ts'
import { TokenError } from '../../src/vault/token.ts'
import type { FakeGeneration } from '../../sim/world/token.ts'

export interface FakeObject extends StoredObject {
  readonly key: Uint8Array
}

/** Objects of a token in memory. From step `stepsLeft` on each change fails, as for a process that was killed there. */
export class FakeShelf implements ObjectShelf<FakeObject> {
  objects: FakeObject[] = []
  stepsLeft = Infinity
  #ids = 0

  find(name?: string): readonly FakeObject[] {
    return this.objects.filter((one) => name === undefined || one.name === name)
  }

  create(plan: ObjectPlan): void {
    this.#step()
    const length = plan.part === 'hmac' ? HMAC_LENGTH : DIGEST_LENGTH
    const id = Buffer.from(plan.id).toString('hex')
    const key = plan.part === 'record' ? new Uint8Array(DIGEST_LENGTH) : plan.key
    this.objects.push({ name: plan.name, id, length, key, isSensitive: true, isExtractable: false })
  }

  destroy(object: FakeObject): void {
    this.#step()
    this.objects = this.objects.filter((one) => one !== object)
  }

  newId(): Uint8Array {
    return Uint8Array.of(++this.#ids)
  }

  #step(): void {
    if (this.stepsLeft-- <= 0) throw new TokenError('C_CreateObject', 'killed')
  }
}

/** What a token with these objects finds of a label. */
export function generationsIn(shelf: FakeShelf, label: string): readonly FakeGeneration[] | undefined {
  const found = new Keyring(shelf).usable(label)
  if ('fault' in found) return undefined
  return found.map(({ number, untilSec, pair }) => ({
    ...{ number, key: pair.digest.key },
    ...(untilSec === undefined ? {} : { untilSec }),
  }))
}

/** First bytes of the keys by which somebody gets in at that moment. */
export function keysIn(shelf: FakeShelf, label: string, nowSec: number): readonly number[] {
  const found = new Keyring(shelf).usable(label)
  if ('fault' in found) return []
  return found.filter((one) => isUsable(one, nowSec)).map(({ pair }) => pair.digest.key[0])
}
