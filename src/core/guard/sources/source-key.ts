const DOT = 46
const COLON = 58
const GROUPS = 8
const MAPPED = '::ffff:'

/**
 * An address as numbers, for look-ups that make nothing: one object is used for all of them. IPv4 is one word, IPv6 four, the
 * first word first.
 */
export class SourceKey {
  /** 0: the text was no address. */
  family: 0 | 4 | 6 = 0
  readonly words = new Uint32Array(4)
  readonly #groups = new Uint16Array(GROUPS)

  /** Takes the text of an `Address` of the ports; false when it is not one. An IPv4 address mapped into IPv6 is that IPv4 address. */
  read(ip: string): boolean {
    this.words.fill(0)
    this.family = 0
    if (!ip.includes(':')) this.family = this.#readIpv4(ip, 0) ? 4 : 0
    else if (ip.startsWith(MAPPED) && ip.includes('.')) this.family = this.#readIpv4(ip, MAPPED.length) ? 4 : 0
    else this.family = this.#readIpv6(ip) ? 6 : 0
    if (this.family === 6) this.#unmap()
    return this.family !== 0
  }

  #unmap(): void {
    const { words } = this
    if (words[0] !== 0 || words[1] !== 0 || words[2] !== 0xffff) return
    words[0] = words[3]
    words[2] = words[3] = 0
    this.family = 4
  }

  #readIpv4(ip: string, from: number): boolean {
    let [word, part, digits, parts] = [0, 0, 0, 0]
    for (let at = from; at <= ip.length; at++) {
      const code = at < ip.length ? ip.charCodeAt(at) : DOT
      if (code >= 48 && code <= 57 && digits < 3) {
        part = part * 10 + code - 48
        digits++
      } else if (code === DOT && digits > 0 && part <= 255 && parts < 4) {
        word = word * 256 + part
        part = digits = 0
        parts++
      } else return false
    }
    this.words[0] = word
    return parts === 4
  }

  #readIpv6(ip: string): boolean {
    const groups = this.#groups
    let [count, group, digits, gap] = [0, 0, 0, -1]
    for (let at = 0; at <= ip.length; at++) {
      const code = at < ip.length ? ip.charCodeAt(at) : COLON
      const digit = hexDigit(code)
      if (digit >= 0 && digits < 4) {
        group = group * 16 + digit
        digits++
      } else if (code !== COLON) return false
      else if (digits > 0) {
        if (count === GROUPS) return false
        groups[count++] = group
        group = digits = 0
      } else if (isSecondColon(ip, at)) {
        if (gap >= 0 || count === GROUPS) return false
        gap = count
      } else if (!isFirstColon(ip, at)) return false
    }
    if (gap < 0 ? count !== GROUPS : count === GROUPS) return false
    for (let from = 0; from < count; from++) {
      const to = gap >= 0 && from >= gap ? GROUPS - count + from : from
      this.words[to >> 1] |= groups[from] << (to & 1 ? 0 : 16)
    }
    return true
  }
}

function isSecondColon(ip: string, at: number): boolean {
  return at > 0 && at < ip.length && ip.charCodeAt(at - 1) === COLON
}

/** Of `::`: at the start of the text, or the end of the text behind one. */
function isFirstColon(ip: string, at: number): boolean {
  if (at === ip.length) return ip.endsWith('::')
  return at === 0 && ip.charCodeAt(1) === COLON
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  if (code >= 97 && code <= 102) return code - 87
  if (code >= 65 && code <= 70) return code - 55
  return -1
}

/** The part of a word that a prefix of `bits` (0..32, or beyond) leaves. */
export function maskWord(word: number, bits: number): number {
  if (bits >= 32) return word >>> 0
  return bits <= 0 ? 0 : (word & (-1 << (32 - bits))) >>> 0
}
