import { concat, fromAscii, write16 } from '../../src/core/protocol/bytes.ts'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { CCS_RECORD, RANDOM_AT } from '../../src/core/protocol/faketls/tls.ts'
import type { SeededRandom } from '../world/random.ts'
import { plainHello, SUITES_1_2, SUITES_1_3 } from './hellos.ts'

/** What one connection of a censor says. */
export interface Probe {
  /** Each so long after the one before it; the first after the connection is open. */
  readonly pieces: readonly { readonly afterMs: number; readonly bytes: Uint8Array }[]
  /** Behind the last piece; undefined: it waits for the other side. */
  readonly ending?: { readonly how: 'end' | 'reset'; readonly afterMs: number }
}

export interface ProbeContext {
  readonly random: SeededRandom
  /** Host names that the proxy pretends to be, all of which lead to the mask site. */
  readonly domains: readonly string[]
  /** As the proxy's clock has it, which strangers know well enough. */
  readonly wallSec: number
  readonly skewSec: number
  /** A hello that an honest client said a while ago, and was let in with. */
  readonly recorded: () => Uint8Array
  /** One of an honest client that never arrived, made at that time. */
  readonly lost: (stampSec: number) => Uint8Array
}

export interface ProbeKind {
  /** Of security.md's table. */
  readonly id: string
  readonly name: string
  readonly make: (context: ProbeContext) => Probe
}

/** Lengths around everything that proxies are known to wait for (security.md, P2). */
const LENGTHS = [
  ...[1, 7, 8, 9, 11, 12, 13, 15, 16, 17, 21, 22, 23, 32, 33, 34, 40, 41, 42, 48, 49, 50, 63, 64, 65],
  ...[105, 221, 517, 4096, 65_536],
]
const STAMP_AT = RANDOM_AT + 28

/** Garbage of one of those lengths that is wanted. */
export function randomBytesOf(isWanted: (length: number) => boolean): ProbeKind {
  const lengths = LENGTHS.filter(isWanted)
  return kind('P2', 'n random bytes', ({ random }) => said([noise(random, random.pick(lengths))]))
}

export const RANDOM_BYTES = randomBytesOf(() => true)

/** Every kind of probe whose answer is decided by what is said, so that nobody's patience is measured. */
export const PROBES: readonly ProbeKind[] = [
  kind('P1', 'silence, then FIN', ({ random }) => ({ pieces: [], ending: soonEnd(random) })),
  RANDOM_BYTES,
  kind('P2', 'n random bytes, then FIN', ({ random }) => {
    return { ...said([noise(random, random.pick(LENGTHS))]), ending: soonEnd(random) }
  }),
  kind('P3', 'more after the answer', ({ random }) => {
    const lengths = Array.from({ length: random.between(2, 5) }, () => random.pick(LENGTHS))
    const probe = said(
      lengths.map((length) => noise(random, length)),
      random.between(50, 900),
    )
    return random.chance(1, 2) ? probe : { ...probe, ending: soonEnd(random) }
  }),
  kind('P3', '64 KiB and more at once', ({ random }) => {
    const probe = said([noise(random, random.between(65, 300) << 10)])
    return random.chance(1, 2) ? probe : { ...probe, ending: soonEnd(random) }
  }),
  kind('P4', '64 random bytes', ({ random }) => said([noise(random, 64)])),
  kind('P5', 'replay', ({ random, recorded }) => said([recorded(), afterHello(random)], random.between(150, 900))),
  kind('P5', 'replay, then FIN', ({ random, recorded }) => ({ ...said([recorded()]), ending: soonEnd(random) })),
  kind('P6', 'replay, one byte changed', ({ random, recorded }) => {
    const hello = recorded()
    // The first three say how long it is: changed, it is a hello that is not whole.
    hello[random.between(9, hello.length - 1)] ^= 1 << random.below(8)
    return said([hello, afterHello(random)], random.between(150, 900))
  }),
  kind('P6', 'two hellos in one', ({ recorded }) => said([concat(recorded(), recorded())])),
  kind('P7', 'replay with another stamp', ({ random, recorded }) => {
    const hello = recorded()
    random.fill(hello.subarray(STAMP_AT, STAMP_AT + random.between(1, 4)))
    return said([hello, afterHello(random)], random.between(150, 900))
  }),
  kind('P7', 'a stamp beyond the window', ({ random, lost, wallSec, skewSec }) => {
    const by = random.pick([skewSec + 2, skewSec + 2, random.between(skewSec + 2, 100_000)])
    return said([lost(wallSec + (random.chance(1, 2) ? by : -by)), afterHello(random)], random.between(150, 900))
  }),
  kind('P8', 'other and no host names', ({ random, domains }) => {
    const domain = random.pick(['', 'elsewhere.example', '192.0.2.7', ...domains])
    return said([makeClientHello({ random, domain }).record, afterHello(random)], random.between(150, 900))
  }),
  kind('P9', 'malformed hellos', ({ random, domains }) => said([malformed(random, random.pick(domains))])),
  kind('P10', 'hello in pieces', ({ random, domains }) => {
    const { record } = makeClientHello({ random, domain: random.pick(domains) })
    const cuts = Array.from({ length: random.between(1, 6) }, () => random.between(1, record.length - 1))
    const at = [0, ...cuts.sort((a, b) => a - b), record.length]
    const pieces = at.slice(1).map((end, index) => record.slice(at[index], end))
    return said([...pieces.filter(({ length }) => length > 0), afterHello(random)], random.between(20, 900))
  }),
  kind('P11', 'TLS 1.2 alone', ({ random, domains }) => {
    const padTo = random.pick([0, 517])
    return said([plainHello({ random, domain: random.pick(domains), suites: SUITES_1_2, versions: [], padTo })])
  }),
  kind('P11', 'HTTP, SSH, SMTP, RDP', ({ random }) => said([otherProtocol(random)])),
  kind('P11', 'PROXY header', ({ random, domains }) => {
    const header = fromAscii(`PROXY TCP4 192.0.2.1 192.0.2.${random.below(250)} 1000 443\r\n`)
    return said([concat(header, makeClientHello({ random, domain: random.pick(domains) }).record)])
  }),
  kind('P12', 'scanner hellos', ({ random, domains }) => {
    const suites = [...SUITES_1_3, ...SUITES_1_2].filter(() => random.chance(1, 2))
    const hello = {
      ...{ random, domain: random.pick([...domains, '']), suites: suites.length > 0 ? suites : SUITES_1_3 },
      ...{ versions: random.pick([[0x0304], [0x0304, 0x0303], []]), padTo: random.pick([0, 517, 900]) },
    }
    const sessionIdBytes = random.pick([0, 32, 32])
    return said([plainHello({ ...hello, sessionIdBytes }), afterHello(random)], random.between(150, 900))
  }),
  kind('P12', 'browser', ({ random, domains }) => {
    const { record } = makeClientHello({ random, domain: random.pick(domains) })
    const requests = Array.from({ length: random.between(1, 4) }, () => dataRecord(random, random.between(80, 900)))
    return said([record, concat(CCS_RECORD, dataRecord(random, 53)), ...requests], random.between(200, 1_500))
  }),
]

/** What leaves the proxy nothing to decide: a site's clock runs from the first packet on, and that of a proxy that dials late does not. */
export const PATIENCE_PROBES: readonly ProbeKind[] = [
  kind('P1', 'silence', () => ({ pieces: [] })),
  kind('P6', 'cut hello, then FIN', ({ random, domains, recorded }) => {
    const whole = random.chance(1, 2) ? recorded() : makeClientHello({ random, domain: random.pick(domains) }).record
    return { ...said([whole.slice(0, random.between(1, whole.length - 1))]), ending: soonEnd(random) }
  }),
  kind('P8', 'hello, late and alone', ({ random, domains }) => {
    const { record } = makeClientHello({ random, domain: random.pick(domains) })
    return { pieces: [{ afterMs: random.between(0, 9_000), bytes: record }] }
  }),
  kind('P6', 'cut hello', ({ random, domains }) => {
    const { record } = makeClientHello({ random, domain: random.pick(domains) })
    return said([record.slice(0, random.between(1, record.length - 1))])
  }),
]

function kind(id: string, name: string, make: (context: ProbeContext) => Probe): ProbeKind {
  return { id, name, make }
}

function said(pieces: readonly Uint8Array[], gapMs = 0): Probe {
  return { pieces: pieces.map((bytes, at) => ({ afterMs: at === 0 ? 0 : gapMs, bytes })) }
}

function soonEnd(random: SeededRandom): Probe['ending'] {
  return { how: random.chance(4, 5) ? 'end' : 'reset', afterMs: random.between(0, 4_000) }
}

/** That does not begin as a hello, of which there would have to be more. */
function noise(random: SeededRandom, length: number): Uint8Array {
  const bytes = random.bytes(length)
  if (bytes[0] === 0x16) bytes[0] = 0x86
  return bytes
}

/** What a client says when it was answered: to the mask site it is a record like any other, or none. */
function afterHello(random: SeededRandom): Uint8Array {
  return concat(CCS_RECORD, dataRecord(random, random.between(64, 400)))
}

function dataRecord(random: SeededRandom, length: number): Uint8Array {
  return concat(Uint8Array.of(0x17, 3, 3, length >> 8, length & 0xff), random.bytes(length))
}

function malformed(random: SeededRandom, domain: string): Uint8Array {
  const { record } = makeClientHello({ random, domain })
  const change = random.below(4)
  // A session id of 33 bytes; no compression method; a list of suites too long for the hello; extensions of length 0.
  if (change === 0) record[RANDOM_AT + 32] = 33
  else if (change === 1) return concat(record.slice(0, 5), Uint8Array.of(2), record.slice(6))
  else if (change === 2) write16(record, RANDOM_AT + 65, 0xfffe)
  else write16(record, RANDOM_AT + 67 + 32 + 2, 0)
  return record
}

function otherProtocol(random: SeededRandom): Uint8Array {
  const number = random.below(100_000)
  const words = random.pick([
    `GET /${number} HTTP/1.1\r\nHost: www.example.com\r\n\r\n`,
    `POST /${number} HTTP/1.0\r\nContent-Length: 0\r\n\r\n`,
    `SSH-2.0-OpenSSH_9.${number % 10}p1\r\n`,
    `EHLO mail${number}.example.org\r\n`,
    'rdp',
  ])
  if (words !== 'rdp') return fromAscii(words)
  return concat(Uint8Array.of(3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0), random.bytes(4))
}
