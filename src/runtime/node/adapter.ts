import type { Adapter } from '../index.ts'
import { mapFile } from './map-file.ts'
import { NodeNetwork } from './network.ts'

/** What is Node's own way of doing things. */
export const adapter: Adapter = {
  name: 'node',
  createNetwork: (options) => new NodeNetwork(options),
  mapFile,
}
