import { readClientHello } from '../../../src/core/protocol/faketls/client-hello.ts'
import { RecordReader } from '../../../src/core/protocol/faketls/records.ts'
import { readServerFlight } from '../../../src/core/protocol/faketls/server-hello.ts'
import { EXTENSION, GROUP, SESSION_ID_AT } from '../../../src/core/protocol/faketls/tls.ts'
import { answerLength } from '../../actors/fake-tls.ts'
import { power } from '../../telegram/crypto.ts'
import { Failed, type Context, type Group } from '../case.ts'
import { Talk } from '../talk.ts'
import { wrongKey } from './obfuscated2.ts'

const SHARES = 16
const SHARE_LENGTH = 32
/** 2^255 - 19, and A of y^2 = x^3 + A x^2 + x (RFC 7748, 4.1). */
const FIELD = 2n ** 255n - 19n
const CURVE_A = 486_662n
const MEMBERS_MIN_BYTES = 64

interface Answered {
  readonly talk: Talk
  /** The three records. */
  readonly answer: Uint8Array
}

async function answered(context: Context): Promise<Answered> {
  const talk = await Talk.open(context)
  const isThere = () => (talk.isAnswered || talk.tls?.state === 'turned-away' ? true : undefined)
  await talk.wire.until(isThere, context.answerMs)
  const { received } = talk.wire
  if (!talk.isAnswered) throw new Failed('no answer with a proof of the secret', received)
  return { talk, answer: received.subarray(0, answerLength(received)) }
}

/** What a browser would refuse to go on with. */
function problemOf({ talk, answer }: Answered): string | undefined {
  const flight = readServerFlight(answer)
  if (flight.state !== 'flight') return 'the answer cannot be read as that of a TLS server'
  if (!flight.isTls13) return 'it does not choose TLS 1.3 by supported_versions'
  if (flight.isRetryRequest) return 'it asks for another hello'
  const read = readClientHello(talk.tls?.hello.record ?? new Uint8Array(0))
  if (read.state !== 'hello') return 'our own hello cannot be read'
  const { cipherSuites, sessionId } = read.hello
  if (!cipherSuites.includes(flight.cipherSuite))
    return `it chooses ${flight.cipherSuite.toString(16)}, which was not offered`
  const echo = answer.subarray(SESSION_ID_AT + 1, SESSION_ID_AT + 1 + sessionId.length)
  if (!Buffer.from(echo).equals(sessionId)) return 'it does not repeat our session id'
  if (flight.group !== GROUP.x25519 && flight.group !== GROUP.x25519MlKem768)
    return 'it chooses no group that was offered'
  const known: readonly number[] = [EXTENSION.supportedVersions, EXTENSION.keyShare]
  if (flight.extensionOrder.length !== 2 || !flight.extensionOrder.every((type) => known.includes(type)))
    return `it has the extensions ${flight.extensionOrder.join(', ')}, not key_share and supported_versions alone`
  if (flight.recordBytes[0] < MEMBERS_MIN_BYTES)
    return `its encrypted part has ${flight.recordBytes[0]} bytes: too few for a certificate`
  return undefined
}

/** The public key in a ServerHello, where its group is X25519. */
function shareOf(answer: Uint8Array): Uint8Array | undefined {
  const mark = Buffer.from([0, EXTENSION.keyShare, 0, 4 + SHARE_LENGTH, 0, GROUP.x25519, 0, SHARE_LENGTH])
  const at = Buffer.from(answer).indexOf(mark)
  return at < 0 ? undefined : answer.slice(at + mark.length, at + mark.length + SHARE_LENGTH)
}

/** Whether some point of Curve25519 has that coordinate: half of all byte strings are on its twist, and no server ever sends one. */
export function isOnCurve(share: Uint8Array): boolean {
  let x = 0n
  for (let at = share.length - 1; at >= 0; at--) x = (x << 8n) | BigInt(share[at])
  x %= 2n ** 255n
  const square = (x * x * x + CURVE_A * x * x + x) % FIELD
  return square === 0n || power(square, (FIELD - 1n) / 2n, FIELD) === 1n
}

/** The handshake and records of an `ee` secret. */
export const fakeTls: Group = {
  title: 'fake TLS',
  cases: [
    {
      title: 'the answer proves the secret',
      needs: ['fake-tls'],
      run: async (context) => void (await answered(context)),
    },
    {
      title: 'the answer is one that a browser would go on with',
      needs: ['fake-tls'],
      run: async (context) => {
        const found = await answered(context)
        const problem = problemOf(found)
        if (problem !== undefined) throw new Failed(problem, found.answer)
      },
    },
    {
      title: `${SHARES} X25519 shares are points of the curve, and all different`,
      needs: ['fake-tls'],
      run: async (context) => {
        const seen = new Set<string>()
        for (let at = 0; at < SHARES; at++) {
          const { answer } = await answered(context)
          const share = shareOf(answer)
          if (share === undefined) throw new Failed('no key share of X25519', answer)
          if (!isOnCurve(share)) throw new Failed('a key share that is no point of the curve', share)
          seen.add(Buffer.from(share).toString('hex'))
        }
        if (seen.size < SHARES) throw new Failed(`${SHARES} answers had ${seen.size} shares`)
      },
    },
    {
      title: 'a hello of 517 bytes, as older clients send it',
      needs: ['fake-tls'],
      run: async (context) => (await Talk.open(context, { size: 'classic' })).expectPq(),
    },
    {
      title: 'under another secret there is no answer of the proxy',
      needs: ['fake-tls'],
      run: async (context) => (await Talk.open(context, { key: wrongKey(context) })).expectNothing(),
    },
    {
      title: "for a host that is not the secret's there is no answer of the proxy",
      needs: ['fake-tls'],
      run: async (context) => (await Talk.open(context, { domain: 'not-the-host.example' })).expectNothing(),
    },
    {
      title: 'records to the client are no longer than TLS allows, and of the right kind',
      needs: ['fake-tls', 'telegram'],
      run: async (context) => {
        const talk = await Talk.open(context)
        await talk.agree()
        const file = { id: 1n, offset: 0, limit: 1 << 19 }
        await talk.result('half a megabyte', (reply) => talk.client.getFile(file, reply))
        const { received } = talk.wire
        const rest = received.subarray(answerLength(received))
        if (new RecordReader({ isClient: true }).push(rest) === undefined) throw new Failed('no TLS record', rest)
      },
    },
  ],
}
