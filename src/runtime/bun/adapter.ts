import type { Adapter } from '../index.ts'
import { connect } from 'node:net'
import { libc, monotonicMs } from './libc.ts'
import { BunNetwork } from './network.ts'

/** What is Bun's own way of doing things. */
export const adapter: Adapter = {
  name: 'bun',
  createNetwork: (options) => new BunNetwork(options),
  mapFile: (path) => Bun.mmap(path, { shared: true }),
  libc: () => libc,
  monotonicMs,
  // `new Socket({ fd })` is closed from the start here; the types know no `fd` for `connect`.
  openChannel: (fd) => connect({ fd } as unknown as { path: string }),
}
