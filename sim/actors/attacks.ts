import type { Mode } from '../../src/core/events.ts'
import { concat, fromAscii } from '../../src/core/protocol/bytes.ts'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { INIT_LENGTH, makeInit } from '../../src/core/protocol/obfuscated2.ts'
import type { Identity } from '../checkers/seen.ts'
import type { SeededRandom } from '../world/random.ts'
import type { Recording } from './talker.ts'

/** What somebody says who is no client. */
export interface Attack {
  readonly name: string
  /** Must never be let in, whatever else happens. */
  readonly isStranger: boolean
  /** What is to come back: the mask site (where there is one), nothing but an end, or it depends. */
  readonly expects: 'mask' | 'silence' | 'anything'
  /** Whether everything is decided by what is sent, and not by a time limit of ours. */
  readonly isTimed: boolean
  readonly script: readonly { readonly afterMs: number; readonly bytes: Uint8Array }[]
  readonly ending: 'waits' | 'ends' | 'resets'
  /** Comes from the load balancer that the configuration trusts. */
  readonly isBalancer?: boolean
  /** Comes from an address that may not come in. */
  readonly isDenied?: boolean
  /** What was recorded of an honest client and is said again. */
  readonly carries?: { readonly talk: number; readonly identity: Identity }
  /** To recognise that a hello was answered. */
  readonly hello?: { readonly random: Uint8Array; readonly keys: readonly Uint8Array[]; readonly identity: Identity }
}

export interface AttackContext {
  readonly random: SeededRandom
  /** A secret that is configured, and its host name. */
  readonly secret: {
    readonly key: Uint8Array
    readonly domain: string
    readonly modes: readonly Mode[]
    readonly isMiddle: boolean
  }
  /** A secret that is configured, and was good until long ago. */
  readonly expired: { readonly key: Uint8Array; readonly domain: string } | undefined
  /** A secret that is configured, and whose user may not come in. */
  readonly barred: { readonly key: Uint8Array; readonly domain: string } | undefined
  /** There are addresses that may not come in. */
  readonly isSomebodyDenied: boolean
  readonly keys: readonly Uint8Array[]
  /** The proxy's clock, which strangers know well enough. */
  readonly wallSec: number
  readonly skewSec: number
  /** Whether the proxy's clock stands still but for its own pace. */
  readonly isClockSteady: boolean
  readonly takesInits: boolean
  readonly handshakeTimeoutMs: number
  readonly tape: readonly Recording[]
}

type MakeAttack = (context: AttackContext) => Attack | undefined

const RANDOM_AT = 11
const STAMP_AT = RANDOM_AT + 28
const BROWSER_HOSTS = ['www.example.com', 'cdn.other.example', '']

/** Undefined: not possible with this configuration, or not yet. */
export const ATTACKS: Readonly<Record<string, MakeAttack>> = {
  garbage: ({ random, takesInits }) => {
    const bytes = random.bytes(random.between(1, 3000))
    if (bytes[0] === 0x16) bytes[0] = 0x17
    const isTimed = !takesInits || bytes.length >= INIT_LENGTH
    return stranger('garbage', [bytes], random, { isTimed })
  },
  http: ({ random }) =>
    stranger('http', [fromAscii(`GET /${random.below(1000)} HTTP/1.1\r\nHost: www.example.com\r\n\r\n`)], random),
  'bad-hello': ({ random }) => {
    const record = concat(Uint8Array.of(0x16, 3, 1, 0, 60, 1, 0, 0, 56), random.bytes(56))
    return stranger('bad-hello', [record], random)
  },
  browser: ({ random, secret }) => {
    const domain = random.pick([secret.domain, ...BROWSER_HOSTS])
    const { record } = makeClientHello({ random, domain })
    const finished = concat(Uint8Array.of(0x14, 3, 3, 0, 1, 1), Uint8Array.of(0x17, 3, 3, 0, 53), random.bytes(53))
    const request = concat(Uint8Array.of(0x17, 3, 3, 0, 200), random.bytes(200))
    return stranger('browser', [record, finished, request], random, { gapMs: 700 })
  },
  'wrong-secret': ({ random, secret, wallSec }) => {
    const { record } = makeClientHello({ random, domain: secret.domain, secret: random.bytes(16), stamp: wallSec })
    return stranger('wrong-secret', [record], random)
  },
  'wrong-init': ({ random }) => {
    const init = makeInit({ random, framing: 'padded', dc: 2, secret: random.bytes(16) })
    return stranger('wrong-init', [concat(init.wire, random.bytes(random.below(200)))], random)
  },
  skewed: ({ random, secret, wallSec, skewSec, isClockSteady, keys }) => {
    if (!secret.modes.includes('fake-tls') || !isClockSteady) return undefined
    const by = skewSec + random.between(60, 100_000)
    const hello = makeClientHello({
      random,
      domain: secret.domain,
      secret: secret.key,
      stamp: wallSec + (random.chance(1, 2) ? by : -by),
    })
    const attack = stranger('skewed', [hello.record], random)
    return { ...attack, hello: { random: hello.random, keys, identity: identityOf(hello.random, true) } }
  },
  'other-host': ({ random, secret, wallSec }) => {
    const hello = makeClientHello({ random, domain: 'elsewhere.example', secret: secret.key, stamp: wallSec })
    return stranger('other-host', [hello.record], random)
  },
  'mode-not-allowed': ({ random, secret, wallSec }) => {
    const { key, modes } = secret
    if (!modes.includes('fake-tls') && random.chance(1, 2)) {
      const hello = makeClientHello({ random, domain: 'www.example.com', secret: key, stamp: wallSec })
      return stranger('mode-not-allowed', [hello.record], random)
    }
    if (modes.includes('padded') && modes.includes('plain')) return undefined
    const framing = modes.includes('padded') ? 'intermediate' : 'padded'
    const init = makeInit({ random, framing, dc: 2, secret: key })
    return stranger('mode-not-allowed', [init.wire], random)
  },
  expired: ({ random, expired, wallSec }) => {
    if (expired === undefined) return undefined
    return stranger('expired', [opening(expired, random, wallSec)], random)
  },
  barred: ({ random, barred, wallSec }) => {
    if (barred === undefined) return undefined
    return stranger('barred', [opening(barred, random, wallSec)], random)
  },
  denied: ({ random, secret, isSomebodyDenied, wallSec }) => {
    if (!isSomebodyDenied) return undefined
    return { ...stranger('denied', [opening(secret, random, wallSec)], random), isDenied: true }
  },
  'cut-hello': ({ random, secret }) => {
    const { record } = makeClientHello({ random, domain: secret.domain })
    return stranger('cut-hello', [record.slice(0, random.between(1, record.length - 1))], random, { isTimed: false })
  },
  silence: ({ random }) => stranger('silence', [], random, { isTimed: false }),
  slowloris: ({ random, secret, handshakeTimeoutMs }) => {
    const { record } = makeClientHello({ random, domain: secret.domain })
    const pieces = Array.from({ length: 12 }, (_, at) => record.slice(at * 9, at * 9 + 9))
    return stranger('slowloris', pieces, random, { gapMs: Math.ceil(handshakeTimeoutMs / 6), isTimed: false })
  },
  'untrusted-header': ({ random }) =>
    stranger(
      'untrusted-header',
      [fromAscii('PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\nGET / HTTP/1.1\r\n\r\n')],
      random,
      {
        isTimed: false,
      },
    ),
  'bad-init': ({ random, secret, wallSec, keys }) => {
    if (!secret.modes.includes('fake-tls')) return undefined
    const hello = makeClientHello({ random, domain: secret.domain, secret: secret.key, stamp: wallSec })
    const attack = stranger('bad-init', [hello.record, badInit(random)], random, { gapMs: 1_000, isTimed: false })
    const identity = identityOf(hello.random, true)
    return { ...attack, expects: 'anything', hello: { random: hello.random, keys, identity } }
  },
  /** A client with a secret that speaks no TLS behind its init. */
  'bad-record': ({ random, secret, wallSec }) => {
    if (!secret.modes.includes('fake-tls')) return undefined
    const { key, domain } = secret
    const hello = makeClientHello({ random, domain, secret: key, stamp: wallSec })
    const init = makeInit({ random, framing: 'padded', dc: 2, secret: key, isInsideTls: true })
    const records = concat(Uint8Array.of(0x14, 3, 3, 0, 1, 1, 0x17, 3, 3, 0, 64), init.wire)
    const attack = stranger('bad-record', [hello.record, records, random.bytes(200)], random, { gapMs: 2_000 })
    return { ...attack, isStranger: false, expects: 'anything', ending: 'waits' }
  },
  /** A client with a secret whose frames make no sense: only where somebody looks at them. */
  'bad-frame': ({ random, secret }) => {
    if (!secret.isMiddle || !secret.modes.includes('padded')) return undefined
    const init = makeInit({ random, framing: 'padded', dc: 2, secret: secret.key })
    const attack = stranger('bad-frame', [init.wire, random.bytes(400)], random, { gapMs: 2_000, isTimed: false })
    return { ...attack, isStranger: false, expects: 'anything', ending: 'waits' }
  },
  balancer: ({ random }) => {
    const words = random.pick([
      '',
      'PROXY NONSENSE\r\n',
      'PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n',
      'GET / HTTP/1.1\r\n\r\n',
    ])
    const attack = stranger('balancer', [fromAscii(words)], random, { isTimed: false })
    return { ...attack, expects: 'anything', isBalancer: true }
  },
  replay: (context) => replayed('replay', context, (first) => first),
  /** The stamp is the one part of a hello that its MAC does not cover (protocol.md, 4.2). */
  'replay-restamped': (context) =>
    replayed('replay-restamped', context, (first) => {
      const bytes = first.slice()
      for (let at = STAMP_AT; at < STAMP_AT + 2; at++) bytes[at] ^= context.random.below(64)
      return bytes
    }),
}

/** As a client with that secret begins, in one way or the other. */
function opening(
  { key, domain }: { readonly key: Uint8Array; readonly domain: string },
  random: SeededRandom,
  wallSec: number,
): Uint8Array {
  const hello = makeClientHello({ random, domain, secret: key, stamp: wallSec })
  const init = makeInit({ random, framing: 'padded', dc: 2, secret: key })
  return random.chance(1, 2) ? hello.record : init.wire
}

/** What comes behind a good hello and is no init. */
function badInit(random: SeededRandom): Uint8Array {
  const length = random.between(1, 400)
  return concat(
    Uint8Array.of(0x14, 3, 3, 0, 1, 1, 0x17, 3, 3, length >> 8, length & 0xff),
    random.bytes(random.chance(1, 2) ? length : random.between(64, 600)),
  )
}

function replayed(
  name: string,
  { random, tape, keys }: AttackContext,
  change: (first: Uint8Array) => Uint8Array,
): Attack | undefined {
  if (tape.length === 0) return undefined
  // What was recorded last is what the proxy's clock still takes.
  const { talk, identity, first, second } = random.pick(random.chance(1, 2) ? tape.slice(-3) : tape)
  const isHello = first[0] === 0x16
  const changed = isHello ? change(first) : first
  const random32 = changed.slice(RANDOM_AT, RANDOM_AT + 32)
  const isRestamped = changed.some((byte, at) => byte !== first[at])
  const hello = isHello ? { random: random32, keys, identity: { ...identity, isRestamped } } : undefined
  return {
    name,
    isStranger: false,
    expects: 'anything',
    isTimed: false,
    script: [
      { afterMs: 0, bytes: changed },
      { afterMs: random.between(200, 3_000), bytes: second },
    ],
    ending: random.pick(['waits', 'waits', 'ends', 'resets']),
    carries: { talk, identity },
    ...(hello === undefined ? {} : { hello }),
  }
}

function stranger(
  name: string,
  pieces: readonly Uint8Array[],
  random: SeededRandom,
  { isTimed = true, gapMs = 0 }: { isTimed?: boolean; gapMs?: number } = {},
): Attack {
  return {
    name,
    isStranger: true,
    expects: 'mask',
    isTimed,
    script: pieces.map((bytes, at) => ({ afterMs: at === 0 ? 0 : gapMs, bytes })),
    ending: random.pick(['waits', 'waits', 'ends', 'resets']),
  }
}

function identityOf(helloRandom: Uint8Array, isStamped: boolean): Identity {
  const name = Array.from(helloRandom.subarray(0, 28), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return { name, isStamped }
}
