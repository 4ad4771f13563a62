import { lookup } from 'node:dns'
import { networkInterfaces } from 'node:os'
import { plainIp } from './network.ts'

/** `Network.resolve` by the system's resolver (hosts file included), the same on both runtimes. */
export function resolve(host: string, reply: (ips: readonly string[]) => void): void {
  if (host === '') {
    // The system would take it for this machine, with a warning.
    setImmediate(() => reply([]))
    return
  }
  lookup(host, { all: true, order: 'verbatim' }, (error, found) => {
    // Failures that need no resolver are answered within `lookup` by one of the runtimes.
    setImmediate(() => reply(error === null ? found.map(({ address }) => plainIp(address)) : []))
  })
}

/** Addresses of this machine's interfaces that are up, loopback included. */
export function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((of) => (of ?? []).map(({ address }) => plainIp(address)))
}
