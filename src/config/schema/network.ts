import { z } from 'zod'
import { key, section } from '../key.ts'
import { bandwidth, size } from '../values/amount.ts'
import { dnsServer } from '../values/dns-server.ts'
import { cidr, host, hostPort, ip, ipPort, listenAddress, socks5 } from '../values/net.ts'
import { duration } from '../values/time.ts'
import { anyText, integer, list, oneOf, optional, text, value } from '../values/value.ts'

const TB = 1024 ** 4
const DNS_SERVERS_MAX = 8

export const listen = section(
  { doc: 'Where clients come in, and how long they may take before they are relayed.', reload: 'restart' },
  {
    address: key(
      list(listenAddress(), 'a list of addresses such as ["0.0.0.0:443", "[::]:443"]', 1),
      ['0.0.0.0:443', '[::]:443'],
      'Addresses and ports. Port 0 lets the system choose one. IPv6 listeners take IPv6 alone.',
    ),
    proxy_protocol: key(
      oneOf('off', 'optional', 'required'),
      'off',
      'Whether a load balancer in front tells the client address by the PROXY protocol, version 1 or 2.',
    ),
    proxy_protocol_from: key(
      list(cidr(), 'a list of ranges such as ["192.0.2.0/24"]'),
      [],
      'Who may send that header. Must name somebody when `proxy_protocol` is not "off".',
    ),
    workers: key(
      workers(),
      1,
      'Processes that share the port; "auto" is one a core. What [memory] bounds is bounded for each of them.',
    ),
    affinity: key(affinity(), 'auto', 'Placement of workers on CPUs: "auto", "off", or a list of CPU sets.', {
      planned: true,
    }),
    backlog: key(integer(1, 65535), 4096, 'Connections the system may hold that are not accepted yet.'),
    first_byte_timeout: key(
      duration(1000),
      '60s',
      'How long a connection may say nothing, jittered. Generous: mobile clients open connections ahead.',
    ),
    handshake_timeout: key(duration(100), '10s', 'From the first byte to a whole hello or init.'),
    prewarm_timeout: key(duration(1000), '5m', 'After our ServerHello, until the client speaks.'),
    drain_timeout: key(duration(0), '60s', 'How long live connections may go on after SIGTERM or `palisade drain`.'),
    congestion: key(anyText('the name of a congestion control such as "bbr"', 15), '', congestionDoc('client'), {
      planned: true,
    }),
  },
)

export const mask = section(
  { doc: 'The web site we hide behind: everything that is not a client is relayed there.', reload: 'hot' },
  {
    host: key(
      optional(host()),
      '',
      "A host name or an IP address. Empty: each secret's own domain. An IP address may be a private one; " +
        'a name that leads to a private address or to ourselves is refused.',
    ),
    port: key(integer(1, 65535), 443, 'Its port.'),
    skew: key(
      duration(1000, 86_400_000),
      '2m',
      "Accepted difference of a ClientHello's clock from ours. After raising it above 3m, restart: the replay ring is laid out then.",
    ),
    max_bytes: key(size(64 * 1024, TB), '64 MB', 'Most that one masked connection may carry, jittered.'),
    max_time: key(duration(1000), '10m', 'Longest that one masked connection may last, jittered.'),
    bandwidth: key(
      bandwidth(),
      '50 Mbit/s',
      'What all masked connections of one /24 (of IPv6: /64) may carry together, both directions; who wants more waits, ' +
        'as behind a slow line.',
    ),
    dial: key(
      oneOf('early', 'late'),
      'early',
      'When the mask host is dialled: "early", as soon as somebody connects who has not used a secret well of late, so that silence ' +
        'ends when the site ends it, at the cost of a connection to it for every newcomer; "late", once somebody is to be handed to it.',
    ),
    group: key(
      oneOf('x25519', 'mirror'),
      'x25519',
      'Key share in our ServerHello; "mirror" follows the mask host, which some clients do not survive.',
      { planned: (found) => found === 'mirror' },
    ),
  },
)

const middle = section(
  { doc: 'Middle proxies, which carry the ad tag of a channel.', reload: 'hot' },
  {
    secret: key(source(), 'https://core.telegram.org/getProxySecret', 'URL or file.'),
    config: key(source(), 'https://core.telegram.org/getProxyConfig', 'URL or file.'),
    config_v6: key(source(), 'https://core.telegram.org/getProxyConfigV6', 'URL or file.'),
    refresh: key(duration(60_000), '1h', 'How often they are fetched.'),
    dcs: key(list(dcId(), 'a list of DC ids such as [203]'), [203], 'DCs that mode "auto" reaches by middle proxy.'),
    nat: key(
      optional(ip()),
      '',
      'Our public address, where it differs from that of our interface. Empty: found by `stun`, where the interface has a private one.',
    ),
    stun: key(
      list(hostPort(), 'a list of at most 8 servers such as ["stun.example.com:3478"]', 0, 8),
      ['stun.cloudflare.com:3478', 'stun.l.google.com:19302'],
      'STUN servers, asked for our public address behind a NAT. Two that agree decide. Empty: nobody is asked, and `nat` must say it.',
    ),
    links_per_dc: key(integer(1, 1024), 4, 'Links kept to each DC.'),
    max_links_per_dc: key(integer(1, 1024), 64, 'Most links to one DC.'),
    max_clients_per_link: key(integer(1, 65536), 512, 'Most clients on one link.'),
    idle_close: key(duration(1000), '5m', 'When a link without clients is closed.'),
  },
)

export const telegram = section(
  { doc: 'The way to Telegram.', reload: 'restart' },
  {
    mode: key(
      oneOf('auto', 'direct', 'middle'),
      'auto',
      '"auto": secrets with an ad tag and the DCs of `telegram.middle.dcs` go by middle proxy, all else direct.',
    ),
    prefer: key(oneOf('ipv4', 'ipv6', 'auto'), 'ipv4', 'Which family is tried first; the other one follows quickly.'),
    connect_timeout: key(duration(100, 120_000), '5s', 'For one attempt to connect.'),
    prewarm: key(prewarm(), 'predict', 'Connections dialled ahead: "off", a number per DC in use, or "predict".'),
    socks5: key(optional(socks5()), '', 'Reach the DCs through this server: `socks5://user:pass@ip:port`.', {
      isSensitive: true,
    }),
    congestion: key(anyText('the name of a congestion control such as "bbr"', 15), '', congestionDoc('DC'), {
      planned: true,
    }),
    dc: key(
      dcTable(),
      {},
      'Overrides of the built-in table: `2 = ["149.154.167.50:443", "[2001:67c:4e8:f002::a]:443"]`. Negative ids are media DCs.',
      { reload: 'hot' },
    ),
    middle,
  },
)

export const relay = section(
  { doc: 'Connections between a client and its DC.', reload: 'hot' },
  {
    idle_timeout: key(duration(1000), '15m', 'Silence in both directions.'),
    max_lifetime: key(optional(duration(1000)), '', 'Longest life of one connection. Empty: no bound.'),
  },
)

export const dns = section(
  { doc: 'How names are looked up.', reload: 'restart' },
  {
    servers: key(
      list(
        dnsServer(),
        'a list of DNS servers such as ["https://192.0.2.53/dns-query", "192.0.2.53"]',
        0,
        DNS_SERVERS_MAX,
      ),
      [],
      'Asked in turn until one answers: "https://..." for DNS over HTTPS, pinned as any host, or the IP address of a plain ' +
        'server. Empty: as the system does, its hosts file included.',
    ),
    stale: key(duration(1000), '24h', 'How long an old answer serves after its time while the resolver fails.'),
  },
)

function congestionDoc(side: string): string {
  return `Congestion control asked of the kernel for ${side} connections, such as "bbr".`
}

function workers() {
  return value<number | 'auto'>({
    allowed: 'a whole number from 1 to 256, or "auto"',
    read: (found) =>
      found === 'auto' || (typeof found === 'number' && Number.isInteger(found) && found >= 1 && found <= 256)
        ? found
        : undefined,
  })
}

function affinity() {
  return value<'auto' | 'off' | readonly string[]>({
    allowed: '"auto", "off" or a list of CPU sets such as ["0-3", "4,5"]',
    read: (found) => {
      if (found === 'auto' || found === 'off') return found
      const isSets = Array.isArray(found) && found.every((set) => typeof set === 'string' && /^[0-9,-]+$/.test(set))
      return isSets ? (found as string[]) : undefined
    },
  })
}

function prewarm() {
  return value<number | 'off' | 'predict'>({
    allowed: '"off", a whole number from 1 to 64, or "predict"',
    read: (found) =>
      found === 'off' ||
      found === 'predict' ||
      (typeof found === 'number' && Number.isInteger(found) && found >= 1 && found <= 64)
        ? found
        : undefined,
  })
}

function source() {
  return text('an https URL or a file', (found) =>
    found === '' || (/^[a-z]+:\/\//i.test(found) && !found.startsWith('https://')) ? undefined : found,
  )
}

function dcId() {
  return value<number>({
    allowed: 'a DC id such as 2, or -2',
    read: (found) => (typeof found === 'number' || typeof found === 'string' ? readDcId(String(found)) : undefined),
  })
}

/** DC ids are signed 16-bit numbers on the wire; 0 is none. */
function readDcId(found: string): number | undefined {
  return /^-?[1-9][0-9]{0,4}$/.test(found) && Math.abs(Number(found)) <= 32767 ? Number(found) : undefined
}

function dcTable() {
  const id = text('a DC id such as 2, or -2 for its media DC', (found) =>
    readDcId(found) === undefined ? undefined : found,
  )
  const addresses = list(ipPort(), 'a list of addresses such as ["149.154.167.50:443"]', 1)
  return z.record(id as z.ZodType<string, string>, addresses, { error: 'a table of DC ids' })
}
