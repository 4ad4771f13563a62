import { overlapsPrivate, parseCidr, parseIp, type Cidr } from '../../address.ts'
import { toAscii } from '../../protocol/bytes.ts'
import { Prefixes } from './prefixes.ts'
import { prefixesOfRange } from './range.ts'

/** Most bytes of a list, comments included. */
export const LIST_BYTES_MAX = 8 << 20
/** Two IPv6 addresses, a dash and some room: what is longer, without its comment, is no line of a list. */
const LINE_MAX = 100
/** A list with more bad lines than one in this many is no list. */
const BAD_ONE_IN = 20
/** Wider than what any one network has: a list that names it is broken, or would shut out half the world. */
const WIDEST = { 4: 8, 16: 16 } as const

const COMMENT = [0x23, 0x3b] // # and ;
const LINE_FEED = 0x0a
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** What a list says. */
export interface AddressList {
  readonly prefixes: Prefixes
  /** Ranges that are private or reserved, in whole or in part: lists of others have no say about them. */
  readonly ignoredPrivate: number
  /** Ranges wider than /8 (IPv4) or /16 (IPv6). */
  readonly ignoredWide: number
  readonly badLines: number
}

/** What is wrong with a list as a whole. */
export interface ListFault {
  readonly fault: string
}

/**
 * Reads a list of addresses as netset files of FireHOL have it: one address, CIDR or range `first-last` a line; `#` and `;`
 * begin a comment, anywhere; blank lines count for nothing. Some lines at a time, so that a long list holds nobody up.
 */
export class ListReader {
  readonly #file: Uint8Array
  readonly #entriesMax: number
  readonly #prefixes = new Prefixes()
  #at: number
  #line = 0
  #said = 0
  #bad = 0
  #firstBad = ''
  #private = 0
  #wide = 0

  /** `entriesMax`: most prefixes that it may come to, 0 or more. */
  constructor(file: Uint8Array, entriesMax: number) {
    this.#file = file
    this.#entriesMax = entriesMax
    this.#at = BYTE_ORDER_MARK.every((byte, at) => file[at] === byte) ? BYTE_ORDER_MARK.length : 0
  }

  /** Reads up to `lines` lines; undefined while there are more. Not to be called again behind a result. */
  step(lines: number): AddressList | ListFault | undefined {
    for (let i = 0; i < lines && this.#at < this.#file.length; i++) {
      this.#readLine()
      if (this.#prefixes.count > this.#entriesMax) return { fault: `more than ${this.#entriesMax} prefixes` }
    }
    return this.#at < this.#file.length ? undefined : this.#result()
  }

  #readLine(): void {
    const feed = this.#file.indexOf(LINE_FEED, this.#at)
    const end = feed < 0 ? this.#file.length : feed
    const from = this.#at
    this.#at = end + 1
    this.#line++
    let to = from
    while (to < end && !COMMENT.includes(this.#file[to])) to++
    // Blanks may fill a line up to its comment; what counts must be near its start.
    const text = toAscii(this.#file.subarray(from, Math.min(to, from + LINE_MAX + 1))).trim()
    if (text === '') return
    this.#said++
    const found = text.length > LINE_MAX ? undefined : readEntry(text)
    if (found === undefined) {
      if (this.#bad++ === 0) this.#firstBad = `line ${this.#line}: ${quoted(text)} is no address, CIDR or range`
      return
    }
    for (const cidr of found) this.#add(cidr)
  }

  #add(cidr: Cidr): void {
    if (overlapsPrivate(cidr)) this.#private++
    else if (cidr.bits < WIDEST[cidr.base.length as 4 | 16]) this.#wide++
    else this.#prefixes.add(cidr)
  }

  #result(): AddressList | ListFault {
    if (this.#bad * BAD_ONE_IN > this.#said) return { fault: `${this.#bad} of ${this.#said} lines; ${this.#firstBad}` }
    if (this.#prefixes.count === 0) return { fault: 'it names no address that counts' }
    this.#prefixes.trim()
    return {
      prefixes: this.#prefixes,
      ignoredPrivate: this.#private,
      ignoredWide: this.#wide,
      badLines: this.#bad,
    }
  }
}

/** All of it at once. */
export function readList(file: Uint8Array, entriesMax: number): AddressList | ListFault {
  const reader = new ListReader(file, entriesMax)
  for (;;) {
    const result = reader.step(100_000)
    if (result !== undefined) return result
  }
}

function readEntry(text: string): readonly Cidr[] | undefined {
  const dash = text.indexOf('-')
  if (dash < 0) {
    const cidr = parseCidr(text)
    return cidr === undefined ? undefined : [cidr]
  }
  const [first, last] = [parseIp(text.slice(0, dash).trimEnd()), parseIp(text.slice(dash + 1).trimStart())]
  return first === undefined || last === undefined ? undefined : prefixesOfRange(first, last)
}

/** Somebody else's bytes, as a log line may show them. */
function quoted(text: string): string {
  const plain = text.replaceAll(/[^\x20-\x7e]/g, '?')
  return JSON.stringify(plain.length <= 40 ? plain : `${plain.slice(0, 40)}...`)
}
