import { formatIp, parseCidr } from '../../address.ts'
import { maskWord, type SourceKey } from './source-key.ts'

/** A prefix of addresses as the tables know it: four words, those behind its bits zero, and a tag for family and length. */
export interface Prefix {
  readonly words: Uint32Array
  /** 1..33 for IPv4 with 0..32 bits, 257..385 for IPv6 with 0..128: never 0. */
  readonly tag: number
}

const IPV6_TAG = 257

/** The tag of a prefix of that family and length in bits. */
export function tagOf(family: 4 | 6, bits: number): number {
  return family === 4 ? 1 + bits : IPV6_TAG + bits
}

/** Whether there is a prefix with that tag. */
export function isTag(tag: number): boolean {
  return (tag >= 1 && tag <= 33) || (tag >= IPV6_TAG && tag <= IPV6_TAG + 128)
}

export function familyOf(tag: number): 4 | 6 {
  return tag < IPV6_TAG ? 4 : 6
}

export function bitsOf(tag: number): number {
  return tag < IPV6_TAG ? tag - 1 : tag - IPV6_TAG
}

/** Of one source: an IPv4 address, or as many bits of an IPv6 one as are configured. */
export function sourceTag(source: SourceKey, ipv6Prefix: number): number {
  return source.family === 4 ? tagOf(4, 32) : tagOf(6, ipv6Prefix)
}

/** Of the prefix above: a /24, or a /48. */
export function parentTag(source: SourceKey): number {
  return source.family === 4 ? tagOf(4, 24) : tagOf(6, 48)
}

/** Writes the prefix with that tag which the source lies in into `words`; false when the source is of the other family. */
export function prefixInto(source: SourceKey, tag: number, words: Uint32Array): boolean {
  if (source.family !== familyOf(tag)) return false
  const bits = bitsOf(tag)
  for (let word = 0; word < 4; word++) words[word] = maskWord(source.words[word], bits - 32 * word)
  return true
}

/** Whether every address of `inner` lies in `outer`; a prefix covers itself. */
export function covers(outer: Prefix, inner: Prefix): boolean {
  const bits = bitsOf(outer.tag)
  if (familyOf(outer.tag) !== familyOf(inner.tag) || bits > bitsOf(inner.tag)) return false
  return outer.words.every((word, at) => word === maskWord(inner.words[at], bits - 32 * at))
}

/** `address/bits` or an address, as people write it; undefined when it is neither. */
export function parsePrefix(text: string): Prefix | undefined {
  const cidr = parseCidr(text)
  if (cidr === undefined) return undefined
  const words = new Uint32Array(4)
  const view = new DataView(cidr.base.buffer, cidr.base.byteOffset, cidr.base.length)
  for (let word = 0; word < cidr.base.length / 4; word++) words[word] = view.getUint32(4 * word)
  return { words, tag: tagOf(cidr.base.length === 4 ? 4 : 6, cidr.bits) }
}

/** As people write it: without a length where it is one address. */
export function formatPrefix({ words, tag }: Prefix): string {
  const length = familyOf(tag) === 4 ? 4 : 16
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  for (let word = 0; word < length / 4; word++) view.setUint32(4 * word, words[word])
  const bits = bitsOf(tag)
  return bits === 8 * length ? formatIp(bytes) : `${formatIp(bytes)}/${bits}`
}
