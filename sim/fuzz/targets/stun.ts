import { formatIp } from '../../../src/core/address.ts'
import { readStunAnswer, STUN_ANSWER_MAX, stunRequest } from '../../../src/core/protocol/stun.ts'
import type { Address } from '../../../src/core/ports.ts'
import { must, mustBeSame, type Target } from '../target.ts'
import { hex } from './vectors.ts'

const TRANSACTION = hex('b7e7a701bc34d686fa87dfae')
const HEAD = '2112a442b7e7a701bc34d686fa87dfae'

/** Answers about how the outside sees us (RFC 8489; the second and third seed are those of RFC 5769). */
export const target: Target = {
  bytesMax: 600,
  seeds: () => [
    hex(`0101000c${HEAD}002000080001a147e112a643`),
    hex(`01010018${HEAD}002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9`),
    hex(`0101001c${HEAD}8022000b7465737420766563746f7220002000080001a147e112a643`),
    hex(`01010018${HEAD}002000080001a147e112a643002000080001a1470000000000`),
    stunRequest(TRANSACTION),
  ],
  tokens: [hex('00200008'), hex('00200014'), hex(HEAD), hex('0001'), hex('0002')],
  run(input) {
    const found = readStunAnswer(input, TRANSACTION)
    mustBeSame(found, modelOf(Buffer.from(input)), 'an answer')
    return found
  },
}

function modelOf(bytes: Buffer): Address | undefined {
  if (bytes.length < 20 || bytes.length > STUN_ANSWER_MAX || bytes.length % 4 !== 0) return undefined
  if (bytes.readUInt16BE(0) !== 0x0101 || bytes.readUInt16BE(2) + 20 !== bytes.length) return undefined
  if (!bytes.subarray(4, 20).equals(hex(HEAD))) return undefined
  const values: Buffer[] = []
  for (let at = 20; at < bytes.length; at += 4 + Math.ceil(bytes.readUInt16BE(at + 2) / 4) * 4) {
    const end = at + 4 + bytes.readUInt16BE(at + 2)
    if (end > bytes.length) return undefined
    if (bytes.readUInt16BE(at) === 0x0020) values.push(bytes.subarray(at + 4, end))
    // The first one counts, and is judged when it is met.
    if (values.length === 1 && values[0].length !== (values[0][1] === 1 ? 8 : values[0][1] === 2 ? 20 : -1))
      return undefined
  }
  if (values.length === 0) return undefined
  const mask = hex(HEAD)
  const ip = Uint8Array.from(values[0].subarray(4), (byte, at) => byte ^ mask[at])
  must(ip.length === 4 || ip.length === 16, 'an address of another length')
  return { ip: formatIp(ip), port: values[0].readUInt16BE(2) ^ 0x2112 }
}
