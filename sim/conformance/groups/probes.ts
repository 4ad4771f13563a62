import { makeClientHello } from '../../../src/core/protocol/faketls/make-hello.ts'
import { fromAscii, fromHex } from '../../../src/core/protocol/bytes.ts'
import type { Address } from '../../../src/core/ports.ts'
import { Failed, type Context, type Group, type Need } from '../case.ts'
import { differenceOf } from '../likeness.ts'
import type { Heard } from '../wire.ts'

/** A proxy that knows secrets without fake TLS must wait for so many bytes before it can tell. */
const INIT_LENGTH = 64
/** Around what proxies are known to wait for: records, inits, hellos. */
const LENGTHS = [1, 7, 8, 9, 15, 16, 17, 32, 41, 48, 63, 64, 65, 105, 221, 517, 4096]
const WORDS = [/mt-?proto/i, /mtproxy/i, /telegram/i, /palisade/i]

interface Probe {
  readonly name: string
  /** Beside `mask`. */
  readonly needs?: readonly Need[]
  readonly bytes: (context: Context) => Uint8Array
}

const text = (words: string) => () => fromAscii(words)
const hex = (digits: string) => () => fromHex(digits) ?? new Uint8Array(0)

/** Fewer bytes than a client without fake TLS begins with, and not text. */
const SHORT: readonly Need[] = ['fake-tls']

/** What scanners say first. */
const PROBES: readonly Probe[] = [
  { name: 'HTTP', bytes: text('GET / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: probe\r\nAccept: */*\r\n\r\n') },
  { name: 'SSH', bytes: text('SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n') },
  { name: 'SMTP', bytes: text('EHLO mail.example.com\r\n') },
  { name: 'SOCKS5', needs: SHORT, bytes: hex('050100') },
  { name: 'RDP', needs: SHORT, bytes: hex('030000130ee000000000000100080003000000') },
  { name: 'a TLS alert', bytes: hex('15030100020228') },
  { name: 'a hello of TLS 1.0', bytes: hex(`160301002d010000290301${'7e'.repeat(32)}000002002f0100`) },
  {
    name: 'a hello with no extensions behind its length',
    bytes: hex(`160301002f0100002b0303${'7e'.repeat(32)}000002130101000000ff`),
  },
  {
    name: 'a hello of SSL 2',
    needs: SHORT,
    bytes: hex(`802e0100020015000000100100800200800300800600400700c0${'5a'.repeat(23)}`),
  },
  {
    name: 'a hello without our secret',
    bytes: ({ random, secret }) =>
      makeClientHello({
        random,
        domain: secret.domain || 'www.example.com',
        privateKey: random.fill(new Uint8Array(32)),
      }).record,
  },
  {
    name: 'a hello for another host',
    bytes: ({ random }) =>
      makeClientHello({ random, domain: 'not-the-host.example', privateKey: random.fill(new Uint8Array(32)) }).record,
  },
  { name: 'a PROXY header', needs: ['no-proxy-headers'], bytes: text('PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n') },
]

async function say(context: Context, bytes: Uint8Array, isEnding: boolean, to?: Address): Promise<Heard> {
  const wire = await context.dial(to)
  wire.send(bytes)
  if (isEnding) wire.end()
  return wire.heard(context.silenceMs)
}

async function expectLikeSite(context: Context, what: string, bytes: Uint8Array, isEnding: boolean): Promise<void> {
  const [ours, theirs] = await Promise.all([say(context, bytes, isEnding), say(context, bytes, isEnding, context.mask)])
  const difference = differenceOf(ours, theirs, context.slackMs)
  if (difference !== undefined) throw new Failed(`${what}: ${difference}`, ours.bytes)
}

async function expectRandomLikeSite(
  context: Context,
  isWanted: (length: number) => boolean,
  isEnding: boolean,
): Promise<void> {
  const one = (length: number) => expectLikeSite(context, `${length} bytes`, randomBytes(context, length), isEnding)
  await Promise.all(LENGTHS.filter(isWanted).map(one))
}

function randomBytes({ random }: Context, length: number): Uint8Array {
  return random.fill(new Uint8Array(length))
}

/** What somebody sees who knows no secret, and suspects. */
export const probes: Group = {
  title: 'strangers',
  cases: [
    {
      title: 'to silence there is silence',
      run: async (context) => {
        const { bytes, ending } = await (await context.dial()).heard(context.silenceMs)
        if (bytes.length > 0) throw new Failed('it speaks first', bytes)
        if (ending !== 'open') throw new Failed(`it closed (${ending}) within ${context.silenceMs} ms`)
      },
    },
    {
      title: 'nothing is answered with a reset, whatever its length',
      run: async (context) => {
        const heard = await Promise.all(LENGTHS.map((length) => say(context, randomBytes(context, length), true)))
        const at = heard.findIndex(({ ending }) => ending === 'reset')
        if (at >= 0) throw new Failed(`${LENGTHS[at]} bytes of nothing: a reset`, heard[at].bytes)
      },
    },
    {
      title: 'no answer names what this is',
      run: async (context) => {
        for (const { name, bytes } of PROBES) {
          const heard = await say(context, bytes(context), true)
          const word = WORDS.map((words) => words.exec(Buffer.from(heard.bytes).toString('latin1'))).find(
            (found) => found !== null,
          )
          if (word !== undefined) throw new Failed(`${name}: the answer has "${word[0]}" in it`, heard.bytes)
        }
      },
    },
    {
      title: `${INIT_LENGTH} random bytes and more get what the site gives them`,
      needs: ['mask'],
      run: (context) => expectRandomLikeSite(context, (length) => length >= INIT_LENGTH, false),
    },
    {
      title: `fewer than ${INIT_LENGTH} random bytes get what the site gives them`,
      needs: ['mask', 'fake-tls'],
      run: (context) => expectRandomLikeSite(context, (length) => length < INIT_LENGTH, false),
    },
    {
      title: 'random bytes of any length, and the end of our direction behind them, get what the site gives them',
      needs: ['mask'],
      run: (context) => expectRandomLikeSite(context, () => true, true),
    },
    ...PROBES.map(({ name, bytes, needs = [] }) => ({
      title: `${name} gets what the site gives it`,
      needs: ['mask', ...needs] as const,
      run: (context: Context) => expectLikeSite(context, name, bytes(context), false),
    })),
  ],
}
