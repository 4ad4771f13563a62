import type { Adapter } from '../index.ts'
import { BunNetwork } from './network.ts'

/** What is Bun's own way of doing things. */
export const adapter: Adapter = {
  name: 'bun',
  createNetwork: (options) => new BunNetwork(options),
  mapFile: (path) => Bun.mmap(path, { shared: true }),
}
