import type { Address } from '../../src/core/ports.ts'
import { createRuntime } from '../../src/runtime/index.ts'
import { DcConnection, type DcCounters } from './dc.ts'

export interface SimulatedTelegram {
  readonly address: Address
  readonly counters: Readonly<DcCounters>
  close(): void
}

/** Puts a simulated DC on a real socket. Port 0 lets the kernel choose. */
export function startSimulatedTelegram(options: { host: string; port: number }): Promise<SimulatedTelegram> {
  const { network, random } = createRuntime()
  const counters: DcCounters = { connections: 0, answered: 0 }
  return new Promise((resolve, reject) => {
    network.listen(
      { ...options, backlog: 128 },
      (connection) => new DcConnection(connection, random, counters),
      (result) => {
        if ('error' in result) reject(new Error(result.error.message))
        else resolve({ address: result.address, counters, close: () => result.close() })
      },
    )
  })
}
