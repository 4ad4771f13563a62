import { unzipSync } from 'node:zlib'
import type { Address } from '../../src/core/ports.ts'
import { createRuntime } from '../../src/runtime/index.ts'
import { SimulatedDc, type DcCounters } from './dc.ts'
import type { UploadLog } from './files.ts'

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

/** gzip, or the zlib form that some clients write. */
function unpack(packed: Uint8Array, maxBytes: number): Uint8Array | undefined {
  try {
    return unzipSync(packed, { maxOutputLength: maxBytes })
  } catch {
    return undefined
  }
}
