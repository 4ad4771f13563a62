import { Socket } from 'node:net'
import type { Adapter } from '../index.ts'
import { openLibc } from './libc.ts'
import { mapFile } from './map-file.ts'
import { NodeNetwork } from './network.ts'

/** hrtime counts from the start of the machine, `performance` from that of the process; both tell CLOCK_MONOTONIC. */
const [seconds, nanoseconds] = process.hrtime()
const STARTED_MS = seconds * 1000 + nanoseconds / 1e6 - performance.now()

let libc: ReturnType<typeof openLibc> | undefined

/** What is Node's own way of doing things. */
export const adapter: Adapter = {
  name: 'node',
  createNetwork: (options) => new NodeNetwork(options),
  mapFile,
  libc: () => (libc ??= openLibc()),
  monotonicMs: () => STARTED_MS + performance.now(),
  openChannel: (fd) => new Socket({ fd, readable: true, writable: true }),
}
