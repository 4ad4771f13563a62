import { formatIp } from '../../core/address.ts'

/**
 * Questions for addresses, and what is believed of the answers (RFC 1035, section 4). Strict: what is cut, or does not fit its
 * own lengths, is no answer. (dns-packet 5.6.1 takes a cut address for a whole one, and c-ares on Bun keeps answers for itself.)
 */

export type RecordType = 'A' | 'AAAA'

export interface Question {
  /** 16 bits. */
  readonly id: number
  /** ASCII: labels of 1 to 63 characters, at most 253 in all. */
  readonly host: string
  readonly type: RecordType
}

export type Answer =
  /** In canonical text; empty: no such name, or none of this type. */
  | { readonly kind: 'addresses'; readonly ips: readonly string[]; readonly ttlSec: number }
  | { readonly kind: 'failed'; readonly why: string }

/** `other`: garbage, or nothing that answers this question. `truncated`: to be asked for in another way. */
export type Reading = Answer | { readonly kind: 'other' } | { readonly kind: 'truncated' }

// header: id(2) | flags(2) | questions(2) | answers(2) | authorities(2) | additionals(2), all BE
const HEADER_LENGTH = 12
/** type(2) | class(2), behind the name. */
const QUESTION_TAIL = 4
const IS_RESPONSE = 0x8000
const OPCODE = 0x7800
const IS_TRUNCATED = 0x0200
const WANTS_RECURSION = 0x0100
const CODE = 0xf
const [NO_ERROR, NO_NAME] = [0, 3]
const CODE_NAMES: Readonly<Record<number, string>> = { 1: 'FORMERR', 2: 'SERVFAIL', 4: 'NOTIMP', 5: 'REFUSED' }
const TYPES = { A: 1, AAAA: 28 } as const
const ADDRESS_LENGTHS = { A: 4, AAAA: 16 } as const
const ALIAS = 5
const INTERNET = 1
const NAME_MAX = 255
const POINTER = 0xc0
const ALIASES_MAX = 8
const ADDRESSES_MAX = 16
/** RFC 2181, section 8: the highest bit set means 0. */
const TTL_MAX_SEC = 0x7fff_ffff

export function encodeQuestion({ id, host, type }: Question): Uint8Array {
  const message = Buffer.alloc(HEADER_LENGTH + host.length + 2 + QUESTION_TAIL)
  message.writeUInt16BE(id, 0)
  message.writeUInt16BE(WANTS_RECURSION, 2)
  message.writeUInt16BE(1, 4)
  let at = HEADER_LENGTH
  for (const label of host.split('.')) {
    message[at] = label.length
    at += 1 + message.write(label, at + 1, 'latin1')
  }
  message.writeUInt16BE(TYPES[type], at + 1)
  message.writeUInt16BE(INTERNET, at + 3)
  return message
}

/** What `bytes` say to `question`. Records that were not asked for count for nothing. */
export function readAnswer(bytes: Uint8Array, question: Question): Reading {
  const reader = new Reader(bytes)
  const [id, flags, questions, answers] = [reader.number(2), reader.number(2), reader.number(2), reader.number(2)]
  reader.skip(4)
  const [name, type, space] = [reader.name(), reader.number(2), reader.number(2)]
  const isOurs = id === question.id && questions === 1 && name === question.host.toLowerCase()
  const isAnswer = (flags & (IS_RESPONSE | OPCODE)) === IS_RESPONSE
  if (reader.isBad || !isOurs || !isAnswer || type !== TYPES[question.type] || space !== INTERNET)
    return { kind: 'other' }
  if ((flags & IS_TRUNCATED) !== 0) return { kind: 'truncated' }
  const code = flags & CODE
  if (code === NO_NAME) return { kind: 'addresses', ips: [], ttlSec: 0 }
  if (code !== NO_ERROR) return { kind: 'failed', why: `answers ${CODE_NAMES[code] ?? `with code ${code}`}` }
  const records = readRecords(reader, answers, question.type)
  return records === undefined ? { kind: 'other' } : addressesOf(name, records)
}

interface Found {
  readonly owner: string
  readonly ttlSec: number
  /** An address, or the name that stands for the owner. */
  readonly ip?: string
  readonly alias?: string
}

/** Records of the type and aliases; undefined when one of all is broken. */
function readRecords(reader: Reader, count: number, type: RecordType): readonly Found[] | undefined {
  const found: Found[] = []
  for (let i = 0; i < count && !reader.isBad; i++) {
    const owner = reader.name()
    const [recordType, space, ttl, length] = [reader.number(2), reader.number(2), reader.number(4), reader.number(2)]
    const end = reader.at + length
    const ttlSec = ttl > TTL_MAX_SEC ? 0 : ttl
    if (space === INTERNET && recordType === ALIAS) found.push({ owner, ttlSec, alias: reader.name() })
    else if (space === INTERNET && recordType === TYPES[type])
      found.push({ owner, ttlSec, ip: formatIp(reader.bytes(ADDRESS_LENGTHS[type])) })
    else reader.skip(length)
    if (reader.at !== end) return undefined
  }
  return reader.isBad ? undefined : found
}

/** Goes along the aliases from the name that was asked for; an answer lasts as long as the shortest of its records. */
function addressesOf(host: string, records: readonly Found[]): Answer {
  let owner = host
  let ttlSec = TTL_MAX_SEC
  for (let hops = 0; hops <= ALIASES_MAX; hops++) {
    const its = records.filter((record) => record.owner === owner)
    for (const record of its) ttlSec = Math.min(ttlSec, record.ttlSec)
    const ips = its.flatMap(({ ip }) => ip ?? []).slice(0, ADDRESSES_MAX)
    const alias = its.find((record) => record.alias !== undefined)?.alias
    if (ips.length > 0 || alias === undefined) return { kind: 'addresses', ips, ttlSec }
    owner = alias
  }
  return { kind: 'failed', why: 'answers with aliases without end' }
}

/** Goes through a message. What lies beyond its end reads as zeros, and makes it bad. */
class Reader {
  at = 0
  isBad = false
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  skip(length: number): void {
    this.at += length
    if (this.at > this.#bytes.length) this.isBad = true
  }

  bytes(length: number): Uint8Array {
    const from = this.at
    this.skip(length)
    return this.isBad ? new Uint8Array(length) : this.#bytes.subarray(from, this.at)
  }

  number(length: 2 | 4): number {
    return this.bytes(length).reduce((sum, byte) => sum * 256 + byte, 0)
  }

  /** Lower case, without the dot at the end. Pointers lead back and never forth, so that every name comes to an end. */
  name(): string {
    const labels: string[] = []
    let [at, before, length] = [this.at, this.at, 0]
    let end: number | undefined
    for (;;) {
      const first = this.#bytes[at] ?? POINTER - 1
      if (first === 0) break
      if (first >= POINTER) {
        end ??= at + 2
        at = (first - POINTER) * 256 + (this.#bytes[at + 1] ?? NAME_MAX * 256)
        if (at >= before) return this.#badName()
        before = at
        continue
      }
      const label = this.#bytes.subarray(at + 1, at + 1 + first)
      length += 1 + first
      if (first > 63 || label.length < first || length >= NAME_MAX || label.includes(DOT)) return this.#badName()
      labels.push(Buffer.from(label).toString('latin1').toLowerCase())
      at += 1 + first
    }
    this.at = end ?? at + 1
    return labels.join('.')
  }

  #badName(): string {
    this.isBad = true
    return ''
  }
}

const DOT = 0x2e
