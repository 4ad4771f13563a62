import { softwareCipherKey } from '../../../src/vault/software-crypto.ts'
import { NotAuthentic } from '../../../src/vault/crypto.ts'
import { unsealSecret } from '../../../src/vault/sealed.ts'
import { SealedStore } from '../../../src/vault/sealed-store.ts'
import type { Store } from '../../../src/core/ports.ts'
import { SeededRandom } from '../../world/random.ts'
import { must, mustBeSame, type Target } from '../target.ts'
import { hex } from './vectors.ts'

const KEY = new Uint8Array(32).fill(7)
const VALUE = new Uint8Array(24).fill(9)
const SEAL = softwareCipherKey(KEY)
/** A secret of 16 times 01, sealed for the label "family" with the key above. */
const SEALED_SECRET = '9378f8f42b9e44d34a03da7f0caf700170b432f24f1d098954f17b2325b80e11335808967596ef3645e5c3c1'

/** What lies sealed on the disk: nothing but what we sealed is ever taken for a value, whatever is done to it. */
export const target: Target = {
  bytesMax: 128,
  seeds: () => [sealedValue(), hex(SEALED_SECRET)],
  run(input) {
    const [value, isBroken] = opened(input)
    must(isBroken === (value === undefined), 'a broken value was not told of')
    if (value !== undefined) mustBeSame([input, value], [sealedValue(), VALUE], 'a value that we never sealed')
    const secret = unsealed(input)
    if (secret !== undefined) mustBeSame([input, secret], [hex(SEALED_SECRET), new Uint8Array(16).fill(1)], 'a secret')
    return [value, secret]
  },
}

/** The first value of a store whose run is known. */
function sealedValue(): Uint8Array {
  let sealed = new Uint8Array(0)
  const store = storeOf((value) => (sealed = Uint8Array.from(value)))
  new SealedStore({ store, key: KEY, random: new SeededRandom(1, 'run'), onBroken() {} }).put('quotas-1', VALUE)
  return sealed
}

function opened(bytes: Uint8Array): [value: Uint8Array | undefined, isBroken: boolean] {
  let [value, isBroken]: [Uint8Array | undefined, boolean] = [undefined, false]
  const options = { key: KEY, random: new SeededRandom(2, 'run'), onBroken: () => void (isBroken = true) }
  new SealedStore({ ...options, store: storeOf(() => {}, bytes) }).get('quotas-1', (found) => (value = found))
  return [value, isBroken]
}

function unsealed(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return unsealSecret(SEAL, 'family', bytes)
  } catch (error) {
    must(error instanceof NotAuthentic, 'it failed otherwise than by not being ours')
    return undefined
  }
}

function storeOf(onPut: (value: Uint8Array) => void, held?: Uint8Array): Store {
  return {
    get: (_, reply) => reply(held),
    put: (_, value) => onPut(value),
    delete() {},
  }
}
