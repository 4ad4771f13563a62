/**
 * The proxy without the program around it: the core on this runtime's adapters, no configuration, logs or metrics.
 * What the program costs more than this is the price of those. Started like the relay:
 * `bun bench/core.ts PORT FOLDER WAY` reaches a DC at 127.0.0.1:PORT and prints `{"port":N}` once it listens; where WAY is
 * `middle`, it goes by the middle proxies that are named in FOLDER.
 */
import { readFile } from 'node:fs'
import type { Fetcher } from '../src/core/ports.ts'
import { Proxy } from '../src/core/proxy.ts'
import { TICK_MS } from '../src/core/memory/wheel.ts'
import { DIRECT_ONLY, OPEN_ACCESS, UNGUARDED, type Settings } from '../src/core/settings.ts'
import { systemResolver } from '../src/runtime/dns/index.ts'
import { createRuntime } from '../src/runtime/index.ts'
import { MemoryVault } from '../src/vault/memory.ts'
import { DC_ID, DOMAIN, SECRET } from './load/opening.ts'

const SECRET_ID = 1
const [, , dcPort, folder, way] = process.argv
if (!Number.isInteger(Number(dcPort)) || folder === undefined || (way !== 'direct' && way !== 'middle'))
  throw new Error('core: expected the port of a DC, a folder, and direct or middle')

/** The defaults of palisade.example.toml; no mask host answers at port 1, so the built-in shape of a flight is used. */
const settings: Settings = {
  listen: {
    proxyProtocol: 'off',
    proxyProtocolFrom: [],
    firstByteTimeoutMs: 60_000,
    handshakeTimeoutMs: 10_000,
    prewarmTimeoutMs: 300_000,
    drainTimeoutMs: 60_000,
  },
  secrets: [
    {
      id: SECRET_ID,
      name: 'bench',
      modes: ['fake-tls', 'padded', 'plain'],
      domain: DOMAIN,
      onRemove: 'drain',
      access: 'standard',
      expiresAt: 0,
    },
  ],
  access: OPEN_ACCESS,
  mask: { host: '127.0.0.1', port: 1, skewSec: 120, maxBytes: 64 << 20, maxTimeMs: 600_000 },
  telegram: {
    prefer: 'ipv4',
    connectTimeoutMs: 5_000,
    socks5: undefined,
    ...DIRECT_ONLY,
    mode: way,
    middle: { ...DIRECT_ONLY.middle, secret: `${folder}/proxy-secret`, config: `${folder}/proxy-multi.conf` },
    dc: { [DC_ID]: [{ ip: '127.0.0.1', port: Number(dcPort) }] },
  },
  guard: UNGUARDED,
  relay: { idleTimeoutMs: 900_000, maxLifetimeMs: 0 },
  dns: { staleMs: 86_400_000 },
  memory: { buffersBytes: 64 << 20, perConnectionBytes: 256 << 10, ceilingBytes: 512 << 20 },
}

const fetcher: Fetcher = {
  fetch: (path, _maxBytes, reply) =>
    readFile(path, (error, bytes) => reply(error === null ? { bytes: new Uint8Array(bytes) } : { why: error.message })),
}
const runtime = createRuntime()
const { clock, random, network } = runtime
const vault = new MemoryVault()
vault.put(SECRET_ID, SECRET)
runtime.openStore(`${folder}/store`, (store) => {
  if ('error' in store) throw new Error(store.error.message)
  const memory = runtime.openSharedMemory(`${folder}/shared`)
  const ports = { clock, random, network, resolver: systemResolver, vault, memory, store, fetcher }
  const proxy = new Proxy(ports, settings, (event) => {
    if (event.kind === 'fault' || event.kind === 'rejected') console.error(JSON.stringify(event))
  })
  const accept = proxy.accept.bind(proxy)
  network.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, accept, (listener) => {
    if ('error' in listener) throw new Error(listener.error.message)
    proxy.start([listener.address])
    setInterval(() => proxy.tick(), TICK_MS)
    console.log(JSON.stringify({ port: listener.address.port }))
  })
})
process.on('SIGTERM', () => process.exit(0))
