import { SeededRandom } from '../../sim/world/random.ts'

/** What stands in the file proxy-secret: known to the generator's middle proxy and to the subjects. */
export const PROXY_SECRET: Uint8Array = new SeededRandom(1, 'proxy-secret').bytes(128)
