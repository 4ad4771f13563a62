import { networkInterfaces } from 'node:os'
import { plainIp } from './network.ts'

/** Addresses of this machine's interfaces that are up, loopback included. */
export function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((of) => (of ?? []).map(({ address }) => plainIp(address)))
}
