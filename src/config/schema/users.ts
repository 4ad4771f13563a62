import { z } from 'zod'
import { MODES } from '../../core/events.ts'
import { ACCESS_LEVELS } from '../../core/guard/access/levels.ts'
import { LISTS_MAX } from '../../core/guard/access/rule-set.ts'
import { key, requiredKey, section, sectionList } from '../key.ts'
import { bandwidth, durationSpan, quota, rate, shareSpan } from '../values/amount.ts'
import { cidr, domain } from '../values/net.ts'
import { keySource, readKey } from '../values/secret-key.ts'
import { duration, instant } from '../values/time.ts'
import { boolean, integer, list, oneOf, optional, text } from '../values/value.ts'

const SECRETS_MAX = 10_000
const COUNT_MAX = 1_000_000_000
const NAME_MAX = 64
const SOURCE_MAX = 2048
const LAG_SPAN = ['100ms', '400ms'] as const
const SHARE_SPAN = [0.85, 0.95] as const
/** Control characters, and URLs that are no https. */
const NO_SOURCE = /[\x00-\x1f\x7f]|^(?!https:)[a-z][a-z0-9+.-]*:\/\//

export const secret = sectionList(
  { doc: 'One table a user.', reload: 'hot' },
  {
    name: requiredKey(
      text(`a name of 1 to ${NAME_MAX} letters, digits, ".", "_" or "-"`, (found) =>
        /^[A-Za-z0-9._-]{1,64}$/.test(found) ? found : undefined,
      ),
      'How logs and commands call this secret.',
    ),
    key: requiredKey(
      keySource(),
      '16 bytes in hex; or "file:PATH" to read them from a file of its own; or "hsm:LABEL" where `[hsm]` holds them.',
      { isSensitive: true },
    ),
    modes: key(
      list(oneOf(...MODES), 'a list of "fake-tls", "padded", "plain"', 1),
      ['fake-tls'],
      'How clients may talk: any of "fake-tls", "padded", "plain".',
    ),
    domain: key(optional(domain()), '', 'The host name that fake-TLS clients pretend to visit.'),
    access: key(
      level(),
      'standard',
      'Most that this user may do: the lower of this and the level of the address counts. "none" turns the user off.',
    ),
    ad_tag: key(
      optional(text('32 hex digits', readKey)),
      '',
      '16 bytes hex, of a sponsored channel; needs `telegram.mode` "auto" or "middle".',
    ),
    max_connections: key(integer(0, COUNT_MAX), 0, 'Most connections at once. 0: no limit.'),
    max_ips: key(
      integer(0, COUNT_MAX),
      0,
      'Most addresses at once; of IPv6 `guard.ipv6_prefix` bits count. 0: no limit.',
    ),
    quota: key(
      optional(quota()),
      '',
      'Such as "50 GB / month" (or day, week; UTC, weeks from Monday): both directions together.',
    ),
    bandwidth: key(
      optional(bandwidth()),
      '',
      'Such as "20 Mbit/s": both directions of all connections together. At least "64 kbit/s".',
    ),
    expires: key(optional(instant()), '', 'Such as "2027-01-01T00:00:00Z": not accepted from then on.'),
    on_remove: key(
      oneOf('drain', 'close'),
      'drain',
      'What happens to live connections when this secret is removed by a reload, or expires.',
    ),
  },
  SECRETS_MAX,
)

export const access = section(
  { doc: 'Who may come in at all. The longest range that holds an address decides.', reload: 'hot' },
  {
    default: key(level(), 'standard', 'Level of addresses that nothing below names.'),
    allow: key(
      ranges(),
      [],
      'Ranges of level "standard". When not empty, addresses that nothing names have level "none".',
    ),
    deny: key(ranges(), [], 'Ranges of level "none".'),
    rules: key(
      list(z.strictObject({ cidr: cidr(), level: level() }), 'a list of rules'),
      [],
      'Such as `{ cidr = "192.0.2.0/24", level = "full" }`. For the same range `deny` goes before `rules`, `allow`, `lists`; ' +
        'among themselves the stricter level.',
    ),
    lists: key(
      list(
        z.strictObject({
          source: listSource(),
          level: level().prefault('none'),
          refresh: duration(60_000).prefault('6h'),
        }),
        'a list of lists',
        0,
        LISTS_MAX,
      ),
      [],
      'Such as `{ source = "file or URL", level = "none", refresh = "6h" }`, in netset form. Private ranges in them are ignored.',
    ),
  },
)

export const guard = section(
  { doc: 'How much anybody may ask of us.', reload: 'hot' },
  {
    enabled: key(boolean(), true, 'Whether the guard refuses anything.'),
    connections_per_ip: key(integer(1, COUNT_MAX), 256, 'Open connections of one address.'),
    new_connections_per_ip: key(rate(), '30/s, burst 120', 'New connections of one address.'),
    new_connections_total: key(rate(), '5000/s, burst 20000', 'New connections of all.'),
    handshakes_in_flight_per_ip: key(integer(1, COUNT_MAX), 64, 'Unfinished handshakes of one address.'),
    ipv6_prefix: key(integer(16, 128), 64, 'Bits of an IPv6 address that count as one source.'),
    block_score: key(integer(1, COUNT_MAX), 100, 'Reputation at which a source is banned.'),
    block_for: key(duration(1000), '10m', 'First ban; each further one doubles it.'),
    block_max: key(duration(1000), '24h', 'Longest ban.'),
    table_entries: key(
      integer(1024, 16_777_216),
      262_144,
      'Sources remembered, rounded up to a power of two; memory is fixed by this.',
      { reload: 'restart' },
    ),
    on_refuse: key(
      oneOf('mask', 'tarpit', 'drop'),
      'mask',
      'What a refused source gets: the mask site, silence for a while, or an end at once.',
    ),
    credit: key(integer(1, 65536), 64, 'Authenticated use raises the limit in force of its address up to this factor.'),
    limited_bandwidth: key(
      bandwidth(),
      '2 Mbit/s',
      'Of each address of a user where the level is "limited": both directions together.',
    ),
    overload: key(
      z.strictObject({
        loop_lag: durationSpan().prefault(LAG_SPAN),
        memory: shareSpan().prefault(SHARE_SPAN),
        descriptors: shareSpan().prefault(SHARE_SPAN),
        buffers: shareSpan().prefault(SHARE_SPAN),
      }),
      { loop_lag: LAG_SPAN, memory: SHARE_SPAN, descriptors: SHARE_SPAN, buffers: SHARE_SPAN },
      'Of each process: from the first on it takes no unknown newcomers, from the second on none at all. Shares are of ' +
        '`memory.ceiling`, of the descriptors it may open, of `memory.buffers`.',
    ),
    anomaly: key(
      oneOf('off', 'observe', 'enforce'),
      'observe',
      'What detectors of attacks by many sources do: nothing, tell, or tighten limits for strangers and ban prefixes too.',
    ),
    dry_run: key(boolean(), false, 'Count what would be refused, refuse nothing.'),
  },
)

function level() {
  return oneOf(...ACCESS_LEVELS)
}

function listSource() {
  return text(
    'an https URL or the path of a file',
    (found) => (found !== '' && found.length <= SOURCE_MAX && !NO_SOURCE.test(found) ? found : undefined),
    (found) => (typeof found === 'string' && /^http:/i.test(found) ? 'only https is fetched' : undefined),
  )
}

function ranges() {
  return list(cidr(), 'a list of ranges such as ["192.0.2.0/24"]')
}
