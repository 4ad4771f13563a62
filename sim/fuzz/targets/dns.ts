import { formatIp, parseIp } from '../../../src/core/address.ts'
import { encodeQuestion, readAnswer, type Question, type Reading } from '../../../src/runtime/dns/message.ts'
import { concat } from '../../../src/core/protocol/bytes.ts'
import { must, mustBeSame, type Target } from '../target.ts'
import { hex } from './vectors.ts'

const QUESTIONS: readonly Question[] = [
  { id: 0x1234, host: 'www.example.com', type: 'A' },
  { id: 0x1234, host: 'www.example.com', type: 'AAAA' },
]

/** Answers of resolvers, to a question for IPv4 and to one for IPv6: strict, and right about what is in them. */
export const target: Target = {
  bytesMax: 600,
  seeds: () =>
    QUESTIONS.flatMap((question) => [
      answer(question, 0x8180, ''),
      answer(
        question,
        0x8180,
        question.type === 'A' ? 'c00c000100010000003c0004c0000201' : `c00c001c00010000003c0010${V6}`,
      ),
      answer(question, 0x8180, `c00c00050001000000200008016101620163c01001610162016300${TAIL}`),
      answer(question, 0x8180, 'c00c000500010000000a0002c010c010000100010000003c0004c0000202'),
      answer(question, 0x8183, ''),
      answer(question, 0x8382, ''),
    ]),
  tokens: [hex('c00c'), hex('c010'), hex('00010001'), hex('001c0001'), hex('00050001'), hex('0004'), hex('0010')],
  run(input) {
    return QUESTIONS.map((question) => {
      const reading = readAnswer(input, question)
      mustBeSame(reading, modelOf(Buffer.from(input), question), 'an answer')
      if (reading.kind !== 'addresses') return reading
      const length = question.type === 'A' ? 4 : 16
      for (const ip of reading.ips) must(parseIp(ip) !== undefined, 'an address that is none')
      must(reading.ips.length * length <= input.length && reading.ips.length <= 16, 'more addresses than bytes')
      must(reading.ttlSec >= 0 && reading.ttlSec <= 0x7fffffff, 'a time out of bounds')
      return reading
    })
  },
}

const V6 = '20010db8000000000000000000000001'
const TAIL = '00010001000000050004c0000203'

/** The question with other flags, and records behind it. */
function answer(question: Question, flags: number, records: string): Uint8Array {
  const message = concat(encodeQuestion(question), hex(records))
  message.set([flags >> 8, flags & 0xff], 2)
  message[7] = records === '' ? 0 : Math.max(1, (records.match(/c0(0c|10)00(01|05|1c)/g) ?? []).length)
  return message
}

/** Thrown by the model where a message does not fit; made once, as it is thrown often. */
const CUT = new Error('cut')

/** The plain way, by RFC 1035: what does not fit is thrown out of. */
function modelOf(bytes: Buffer, question: Question): Reading {
  try {
    return modelOfWhole(bytes, question)
  } catch (error) {
    if (error === CUT) return { kind: 'other' }
    throw error
  }
}

function modelOfWhole(bytes: Buffer, question: Question): Reading {
  const flags = u16(bytes, 2)
  const [name, typeAt] = nameAt(bytes, 12)
  const type = question.type === 'A' ? 1 : 28
  const isOurs = u16(bytes, 0) === question.id && u16(bytes, 4) === 1 && name === question.host
  const isType = u16(bytes, typeAt) === type && u16(bytes, typeAt + 2) === 1
  if (!isOurs || !isType || (flags & 0xf800) !== 0x8000) return { kind: 'other' }
  if ((flags & 0x200) !== 0) return { kind: 'truncated' }
  const code = flags & 15
  if (code === 3) return { kind: 'addresses', ips: [], ttlSec: 0 }
  const known = ['', 'FORMERR', 'SERVFAIL', '', 'NOTIMP', 'REFUSED'][code]
  if (code !== 0) return { kind: 'failed', why: `answers ${known || `with code ${code}`}` }
  const records: { owner: string; ttl: number; ip?: string; alias?: string }[] = []
  let at = typeAt + 4
  for (let left = u16(bytes, 6); left > 0; left--) {
    const [owner, from] = nameAt(bytes, at)
    const [kind, space, time] = [
      u16(bytes, from),
      u16(bytes, from + 2),
      u16(bytes, from + 4) * 65536 + u16(bytes, from + 6),
    ]
    const dataAt = from + 10
    at = dataAt + u16(bytes, from + 8)
    if (at > bytes.length) throw CUT
    const ttl = time > 0x7fffffff ? 0 : time
    if (space === 1 && kind === 5) {
      const [alias, end] = nameAt(bytes, dataAt)
      if (end !== at) throw CUT
      records.push({ owner, ttl, alias })
    } else if (space === 1 && kind === type) {
      if (at - dataAt !== (type === 1 ? 4 : 16)) throw CUT
      records.push({ owner, ttl, ip: formatIp(Uint8Array.from(bytes.subarray(dataAt, at))) })
    }
  }
  return follow(question.host, records)
}

function follow(
  host: string,
  records: readonly { owner: string; ttl: number; ip?: string; alias?: string }[],
): Reading {
  const ttls = [0x7fffffff]
  let owner = host
  for (let hops = 0; hops <= 8; hops++) {
    const its = records.filter((record) => record.owner === owner)
    ttls.push(...its.map(({ ttl }) => ttl))
    const ips = its.map(({ ip }) => ip).filter((ip) => ip !== undefined)
    const alias = its.map((record) => record.alias).filter((name) => name !== undefined)[0]
    if (ips.length > 0 || alias === undefined)
      return { kind: 'addresses', ips: ips.slice(0, 16), ttlSec: Math.min(...ttls) }
    owner = alias
  }
  return { kind: 'failed', why: 'answers with aliases without end' }
}

function u8(bytes: Buffer, at: number): number {
  if (at >= bytes.length) throw CUT
  return bytes[at]
}

function u16(bytes: Buffer, at: number): number {
  return u8(bytes, at) * 256 + u8(bytes, at + 1)
}

/** A name and where what follows begins; pointers lead back only. */
function nameAt(bytes: Buffer, from: number): readonly [name: string, next: number] {
  const labels: string[] = []
  let [at, before, next, length] = [from, from, -1, 0]
  for (;;) {
    const first = u8(bytes, at)
    if (first === 0) return [labels.join('.'), next < 0 ? at + 1 : next]
    if (first >= 0xc0) {
      const target = (first - 0xc0) * 256 + u8(bytes, at + 1)
      if (next < 0) next = at + 2
      if (target >= before) throw CUT
      at = before = target
      continue
    }
    length += 1 + first
    const label = bytes.toString('latin1', at + 1, at + 1 + first)
    if (first > 63 || label.length < first || length >= 255 || label.includes('.')) throw CUT
    labels.push(label.toLowerCase())
    at += 1 + first
  }
}
