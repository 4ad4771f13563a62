import { key, section } from '../key.ts'
import { size } from '../values/amount.ts'
import { listenAddress } from '../values/net.ts'
import { sealSource } from '../values/seal-source.ts'
import { duration } from '../values/time.ts'
import { anyText, integer, oneOf, optional, text } from '../values/value.ts'

const KB = 1024
const MB = 1024 * KB
const GB = 1024 * MB

export const memory = section(
  { doc: 'Bounds on memory.', reload: 'restart' },
  {
    buffers: key(size(MB, 64 * GB), '64 MB', 'Ceiling of the buffer pool.'),
    per_connection: key(
      size(64 * KB, GB),
      '256 KB',
      'Most that may wait for one slow reader, per direction, beside one read that is already in our hands.',
    ),
    ceiling: key(
      size(64 * MB, 1024 * GB),
      '512 MB',
      'What one process may hold; overload control sheds load before this (`guard.overload`).',
      { reload: 'hot' },
    ),
  },
)

export const admin = section(
  { doc: 'Control of a running proxy.', reload: 'restart' },
  {
    listen: key(optional(listenAddress()), '127.0.0.1:9180', 'HTTP API. Empty: off.', { planned: true }),
    cert: key(anyText('the path of a certificate'), '', 'TLS when `cert` and `key` are set.', { planned: true }),
    key: key(anyText('the path of a private key'), '', 'Its private key.', { planned: true }),
    session_ttl: key(duration(1000), '12h', 'How long a session of the dashboard lasts.', { planned: true }),
    socket: key(
      path('the path of a socket'),
      'palisade.sock',
      'Unix socket of `status`, `reload` and `drain`, for its owner alone (mode 0600). Empty: off.',
    ),
  },
)

export const metrics = section(
  { doc: 'For Prometheus.', reload: 'restart' },
  {
    listen: key(optional(listenAddress()), '127.0.0.1:9190', 'Serves GET /metrics. Empty: off.'),
    interval: key(duration(1000, 3_600_000), '10s', 'How often costly figures are taken.', { planned: true }),
  },
)

export const log = section(
  { doc: 'Log lines go to stderr, one event a line.', reload: 'restart' },
  {
    level: key(oneOf('error', 'warn', 'info', 'debug'), 'info', 'The least that is written.', { reload: 'hot' }),
    format: key(oneOf('json', 'pretty'), 'json', 'For machines or for people.'),
    addresses: key(
      oneOf('full', 'prefix', 'none'),
      'prefix',
      'How client addresses are written: whole, as their /24 (IPv4) or /48 (IPv6), or not at all.',
    ),
  },
)

export const trace = section(
  {
    doc: 'Connection events for `palisade sim replay`: no payload, addresses encrypted.',
    reload: 'hot',
  },
  {
    path: key(
      path('the path of a file'),
      '',
      'Where it is written; with several workers each has its own, `PATH.wN`. The key of the addresses is in `state.path`. Empty: off.',
    ),
    rotate: key(size(MB, 64 * GB), '64 MB', 'When a new file begins; the one before it becomes `PATH.1`.'),
    keep: key(integer(1, 1000), 8, 'Files of each process, the one being written included. Older ones are removed.'),
  },
)

export const state = section(
  { doc: 'What survives a restart.', reload: 'restart' },
  {
    path: key(
      text('the path of a folder', (found) => (found === '' || found.includes('\0') ? undefined : found)),
      'state',
      'The folder for the replay ring, what was learnt of the mask host, and later also bans, quotas, tokens ' +
        'and the audit log. One instance at a time.',
    ),
    sealed: key(
      optional(sealSource()),
      '',
      'Encrypt what is stored under this key: "hsm:LABEL" (`palisade hsm seal-key`) or "file:PATH" (64 hex digits). Empty: in the clear.',
    ),
    shared: key(anyText('a URL such as "redis://host:6379/0"'), '', 'Joins several hosts. Empty: this host alone.', {
      planned: true,
      isSensitive: true,
    }),
  },
)

function path(what: string) {
  return anyText(`${what}, or ""`)
}
