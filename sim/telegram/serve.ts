import { unzipSync } from 'node:zlib'
import type { Address, Cancellable } from '../../src/core/ports.ts'
import { createRuntime } from '../../src/runtime/index.ts'
import type { ProxySecret } from '../../src/core/protocol/rpc/index.ts'
import { SimulatedDc, type DcCounters } from './dc.ts'
import type { UploadLog } from './files.ts'
import { SimulatedMiddleProxy, type MiddleProxyOptions } from './middle-proxy.ts'

export interface SimulatedTelegram {
  readonly address: Address
  /** PKCS#1, for clients that have to be told whose key to trust. */
  readonly publicKeyPem: string
  readonly counters: Readonly<DcCounters>
  readonly uploads: UploadLog
  /** Stops accepting; connections stay. */
  close(): void
}

/** Puts a simulated DC on a real socket. Port 0 lets the kernel choose. */
export function startSimulatedTelegram(options: { host: string; port: number }): Promise<SimulatedTelegram> {
  const { network, random, clock } = createRuntime()
  const dc = new SimulatedDc({ random, clock, unpack })
  return new Promise((resolve, reject) => {
    network.listen({ ...options, backlog: 128 }, dc.accept, (result) => {
      if ('error' in result) {
        reject(new Error(result.error.message))
        return
      }
      dc.address = result.address
      const { counters, uploads, key } = dc
      const { publicKeyPem } = key
      resolve({ address: result.address, publicKeyPem, counters, uploads, close: () => result.close() })
    })
  })
}

export interface ServedMiddleProxy {
  readonly address: Address
  /** The DC behind it, which is reached in no other way. */
  readonly dc: SimulatedDc
  readonly middle: SimulatedMiddleProxy
  /** Stops accepting; links stay. */
  close(): void
}

/** Puts a simulated middle proxy for DC `dc` on a real socket, with a DC of its own behind it. */
export function startSimulatedMiddleProxy(options: {
  readonly host: string
  readonly port: number
  readonly dc: number
  readonly secret: ProxySecret
  readonly refuse?: MiddleProxyOptions['refuse']
  readonly seen?: MiddleProxyOptions['seen']
}): Promise<ServedMiddleProxy> {
  const { network, random, clock } = createRuntime()
  const backend = new SimulatedDc({ random, clock, unpack })
  const { dc, secret, host, port, refuse, seen } = options
  const middle = new SimulatedMiddleProxy({
    ...{ clock, random, after, secret, dc, backend },
    ...(refuse === undefined ? {} : { refuse }),
    ...(seen === undefined ? {} : { seen }),
  })
  return new Promise((resolve, reject) => {
    network.listen({ host, port, backlog: 128 }, middle.accept, (result) => {
      if ('error' in result) reject(new Error(result.error.message))
      else resolve({ address: result.address, dc: backend, middle, close: () => result.close() })
    })
  })
}

function after(ms: number, run: () => void): Cancellable {
  const timer = setTimeout(run, ms)
  return { cancel: () => clearTimeout(timer) }
}

/** gzip, or the zlib form that some clients write. */
function unpack(packed: Uint8Array, maxBytes: number): Uint8Array | undefined {
  try {
    return unzipSync(packed, { maxOutputLength: maxBytes })
  } catch {
    return undefined
  }
}
