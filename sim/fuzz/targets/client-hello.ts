import { concat, read16, write16 } from '../../../src/core/protocol/bytes.ts'
import {
  HELLO_MAX_BYTES,
  HELLO_MIN_BYTES,
  readClientHello,
  type ClientHello,
} from '../../../src/core/protocol/faketls/client-hello.ts'
import { makeClientHello } from '../../../src/core/protocol/faketls/make-hello.ts'
import { SeededRandom } from '../../world/random.ts'
import { cutsOf } from '../cuts.ts'
import { must, mustBeSame, type Target } from '../target.ts'
import { hex, vectors } from './vectors.ts'

const RANDOM_AT = 11

/** The whole decision about who talks TLS to us: what a hello says, and that no split of it says anything else. */
export const target: Target = {
  bytesMax: 2400,
  seeds: () => [
    classic(),
    inRecords(classic(), [3, 200, 7]),
    hex(vectors.fake_tls.captured_tdlib_1_8_65_hello.hello),
    hex(vectors.fake_tls.client_hello),
  ],
  run(input) {
    const result = readClientHello(input)
    for (const end of cutsOf(input).slice(-8)) {
      const part = readClientHello(input.subarray(0, end))
      must(part.state === 'more' || part.state === result.state, 'a start and more of it say different things')
    }
    if (result.state !== 'hello') return result.state
    const { hello, consumed } = result
    must(consumed <= input.length && consumed <= HELLO_MAX_BYTES, 'a hello longer than what came')
    must(readClientHello(input.subarray(0, consumed)).state === 'hello', 'a hello needs what comes behind it')
    must(readClientHello(input.subarray(0, consumed - 1)).state === 'more', 'a hello needs less than its last byte')
    mustBeModel(hello, joined(input, consumed))
    const again = readClientHello(withRandom(hello))
    mustBeSame(again, { state: 'hello', hello, consumed: hello.record.length }, 'its own record read again')
    return result
  },
}

/** Reads the same in the order of RFC 8446, 4.1.2, off the joined bytes of the handshake. */
function mustBeModel(hello: ClientHello, body: Uint8Array): void {
  must(body.length >= HELLO_MIN_BYTES && body[0] === 1, 'a handshake of another kind or too short')
  must(body.length === 4 + body[1] * 65536 + body[2] * 256 + body[3], 'a handshake of another length')
  const view = Buffer.from(body)
  mustBeSame(hello.random, body.subarray(6, 38), 'random')
  mustBeSame(hello.sessionId, body.subarray(39, 71), 'session id')
  must(body[38] === 32, 'a session id of another length')
  const suitesEnd = 73 + view.readUInt16BE(71)
  mustBeSame(hello.cipherSuites.length * 2, suitesEnd - 73, 'cipher suites')
  hello.cipherSuites.forEach((suite, at) => must(suite === view.readUInt16BE(73 + 2 * at), 'a cipher suite'))
  const from = suitesEnd + 1 + body[suitesEnd]
  const model = from + 2 <= body.length ? extensionsOf(view.subarray(from)) : undefined
  mustBeSame(hello.sni, model?.sni, 'the host')
  mustBeSame(hello.keyShareGroups, model?.groups ?? [], 'groups of shares')
}

/** Undefined where lengths do not fit. */
function extensionsOf(bytes: Buffer): { sni: string | undefined; groups: number[] } | undefined {
  if (bytes.readUInt16BE(0) !== bytes.length - 2) return undefined
  const found: { type: number; data: Buffer }[] = []
  for (let rest = bytes.subarray(2); rest.length > 0;) {
    if (rest.length < 4 || rest.length < 4 + rest.readUInt16BE(2)) return undefined
    const end = 4 + rest.readUInt16BE(2)
    found.push({ type: rest.readUInt16BE(0), data: rest.subarray(4, end) })
    rest = rest.subarray(end)
  }
  const names = found.filter(({ type }) => type === 0).flatMap(({ data }) => nameIn(data) ?? [])
  const shares = found.filter(({ type }) => type === 0x33).at(-1)
  return { sni: names[0], groups: shares === undefined ? [] : groupsIn(shares.data) }
}

function nameIn(data: Buffer): string | undefined {
  if (data.length < 6 || data.readUInt16BE(0) !== data.length - 2 || data[2] !== 0) return undefined
  const name = data.toString('latin1', 5)
  return data.readUInt16BE(3) === name.length && /^[!-~]+$/.test(name) ? name.toLowerCase() : undefined
}

function groupsIn(data: Buffer): number[] {
  if (data.length < 2 || data.readUInt16BE(0) !== data.length - 2) return []
  const groups: number[] = []
  for (let rest = data.subarray(2); rest.length > 0;) {
    if (rest.length < 4 || rest.length < 4 + rest.readUInt16BE(2)) return []
    groups.push(rest.readUInt16BE(0))
    rest = rest.subarray(4 + rest.readUInt16BE(2))
  }
  return groups
}

/** The bodies of the records, by their own headers. */
function joined(input: Uint8Array, consumed: number): Uint8Array {
  const bodies: Uint8Array[] = []
  for (let at = 0; at < consumed; at += 5 + read16(input, at + 3))
    bodies.push(input.subarray(at + 5, at + 5 + read16(input, at + 3)))
  return concat(...bodies)
}

function withRandom({ record, random }: ClientHello): Uint8Array {
  const whole = record.slice()
  whole.set(random, RANDOM_AT)
  return whole
}

function classic(): Uint8Array {
  return makeClientHello({ random: new SeededRandom(1, 'hello'), domain: 'www.example.com', size: 'classic' }).record
}

/** Cut into records of these lengths and one of the rest. */
function inRecords(hello: Uint8Array, lengths: readonly number[]): Uint8Array {
  const bodies: Uint8Array[] = []
  let at = 5
  for (const length of [...lengths, hello.length]) {
    bodies.push(hello.subarray(at, at + length))
    at += length
  }
  return concat(
    ...bodies.flatMap((body) => {
      const head = Uint8Array.of(0x16, 3, 1, 0, 0)
      write16(head, 3, body.length)
      return [head, body]
    }),
  )
}
