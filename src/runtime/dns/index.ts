import type { DnsServer } from '../../config/values/dns-server.ts'
import type { Resolver } from '../../core/ports.ts'
import type { Trust } from '../https/get.ts'
import { httpsAsk } from './https.ts'
import { askPlain } from './plain.ts'
import { inTurn, resolverOf } from './resolver.ts'
import { systemResolver } from './system.ts'

export { systemResolver }

/** The resolver of `dns.servers`: the system's when there are none. `trust` decides about servers by HTTPS. */
export function createResolver(servers: readonly DnsServer[], trust: Trust): Resolver {
  return servers.length === 0 ? systemResolver : inTurn(servers.map((server) => resolverFor(server, trust)))
}

function resolverFor(server: DnsServer, trust: Trust): Resolver {
  switch (server.kind) {
    case 'plain':
      return resolverOf((host, type) => askPlain(server.address, host, type))
    case 'https':
      return resolverOf(httpsAsk(server.url, trust))
  }
}
