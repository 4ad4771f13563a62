import { formatIp, parseIp } from '../../../src/core/address.ts'
import { fromAscii } from '../../../src/core/protocol/bytes.ts'
import {
  readProxyHeader,
  V1_MAX_BYTES,
  V2_MAX_BYTES,
  type ProxyHeader,
} from '../../../src/core/protocol/proxy-header.ts'
import { cutsOf } from '../cuts.ts'
import { must, mustBeSame, type Target } from '../target.ts'
import { bytesIn, hex, vectors } from './vectors.ts'

const V2 = '0d0a0d0a000d0a515549540a'

/** PROXY protocol, versions 1 and 2. */
export const target: Target = {
  bytesMax: 640,
  seeds: () => [
    ...bytesIn(vectors.proxy_protocol, 640),
    fromAscii('PROXY UNKNOWN\r\n'),
    fromAscii('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\nmore'),
    fromAscii('PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 65535 0\r\n'),
    hex(`${V2}20000000`),
    hex(`${V2}2111000cc0000201c000020201bb0050`),
  ],
  tokens: [hex(V2), fromAscii('PROXY '), fromAscii('\r\n')],
  run(input) {
    const result = readProxyHeader(input)
    mustBeSame(result, modelOf(input), 'a header')
    for (const end of cutsOf(input).slice(0, -1)) {
      const part = readProxyHeader(input.subarray(0, end))
      must(part.state === 'more' || part.state === result.state, 'a start and more of it say different things')
      if (part.state === 'header') mustBeSame(part, result, 'a header and what follows')
    }
    if (result.state !== 'header') return result.state
    must(result.consumed <= Math.min(input.length, V2_MAX_BYTES), 'a header longer than what came')
    must(readProxyHeader(input.subarray(0, result.consumed - 1)).state === 'more', 'it does not need its last byte')
    return result
  },
}

/** By the words of the specification, with the platform's own tools. */
function modelOf(input: Uint8Array): ProxyHeader {
  const bytes = Buffer.from(input)
  const [v1, v2] = [Buffer.from('PROXY '), Buffer.from(hex(V2))]
  const startsWith = (start: Buffer) => bytes.subarray(0, start.length).equals(start.subarray(0, bytes.length))
  if (startsWith(v1)) return bytes.length < v1.length ? { state: 'more' } : modelOfV1(bytes)
  if (startsWith(v2)) return bytes.length < v2.length + 4 ? { state: 'more' } : modelOfV2(bytes)
  return { state: 'none' }
}

function modelOfV1(bytes: Buffer): ProxyHeader {
  const feed = bytes.indexOf('\n')
  const length = feed < 0 ? bytes.length : feed + 1
  if (length > V1_MAX_BYTES || (feed < 0 && length === V1_MAX_BYTES)) return { state: 'bad' }
  if (feed < 0) return { state: 'more' }
  const line = bytes.toString('latin1', 0, length)
  if (/^PROXY UNKNOWN( [^\n]*)?\r\n$/s.test(line)) return { state: 'header', source: undefined, consumed: length }
  const [, family, from, to, fromPort, toPort] = /^PROXY (TCP[46]) (\S+) (\S+) (\d+) (\d+)\r\n$/.exec(line) ?? []
  if (family === undefined) return { state: 'bad' }
  const isText = (ip: string) => ip.includes(':') === (family === 'TCP6') && parseIp(ip) !== undefined
  const isPort = (port: string) => String(Number(port)) === port && Number(port) < 65_536
  if (!isText(from) || !isText(to) || !isPort(fromPort) || !isPort(toPort)) return { state: 'bad' }
  const ip = formatIp(parseIp(from) ?? new Uint8Array(4))
  return { state: 'header', source: { ip, port: Number(fromPort) }, consumed: length }
}

function modelOfV2(bytes: Buffer): ProxyHeader {
  const [command, family, consumed] = [bytes[12], bytes[13], 16 + bytes.readUInt16BE(14)]
  if ((command !== 0x20 && command !== 0x21) || family >> 4 > 3 || (family & 15) > 2 || consumed > V2_MAX_BYTES)
    return { state: 'bad' }
  const ipLength = command === 0x21 ? ({ 0x11: 4, 0x21: 16 }[family] ?? 0) : 0
  if (ipLength > 0 && consumed < 16 + 2 * ipLength + 4) return { state: 'bad' }
  if (bytes.length < consumed) return { state: 'more' }
  if (ipLength === 0) return { state: 'header', source: undefined, consumed }
  const ip = formatIp(bytes.subarray(16, 16 + ipLength))
  return { state: 'header', source: { ip, port: bytes.readUInt16BE(16 + 2 * ipLength) }, consumed }
}
