import { createHash } from 'node:crypto'
import { isPrivate, parseIp } from '../../address.ts'
import { assert } from '../../assert.ts'
import type { Address, CipherKey } from '../../ports.ts'
import { concat, fromAscii, write32le } from '../bytes.ts'

export interface LinkSecrets {
  /** The file proxy-secret, whole. */
  readonly secret: Uint8Array
  /** 16 bytes each, of the two nonce packets. */
  readonly middleNonce: Uint8Array
  readonly proxyNonce: Uint8Array
  /** Time in the proxy's nonce packet. */
  readonly proxyWallSec: number
  /** Both ends of the link as the middle proxy sees them (`behindNat`), of one family. */
  readonly middle: Address
  readonly proxy: Address
}

export interface LinkKeys {
  readonly toMiddle: CipherKey
  readonly toProxy: CipherKey
}

const KEY_FROM_MD5 = 12

/** Keys of both directions (protocol.md, 5.4). */
export function linkKeys(secrets: LinkSecrets): LinkKeys {
  return { toMiddle: derive(keyInput(secrets, 'CLIENT')), toProxy: derive(keyInput(secrets, 'SERVER')) }
}

/**
 * What both keys are hashes of:
 *
 *   middle nonce | proxy nonce | proxy's time(4) | middle ip(4) | proxy port(2) | purpose(6) | proxy ip(4) | middle port(2)
 *     | proxy secret | middle nonce | for IPv6: proxy ip(16) | middle ip(16) | proxy nonce
 *
 * IPv4 addresses stand there reversed; for IPv6 the short ones are zero.
 */
export function keyInput(secrets: LinkSecrets, purpose: 'CLIENT' | 'SERVER'): Uint8Array {
  const { secret, middleNonce, proxyNonce, proxyWallSec, middle, proxy } = secrets
  const [middleIp, proxyIp] = [ipBytes(middle), ipBytes(proxy)]
  assert(middleIp.length === proxyIp.length, 'both ends of a connection are of one family')
  const time = new Uint8Array(4)
  write32le(time, 0, proxyWallSec)
  return concat(
    ...[middleNonce, proxyNonce, time],
    ...[shortIp(middleIp), port(proxy), fromAscii(purpose), shortIp(proxyIp), port(middle)],
    ...[secret, middleNonce, ...(proxyIp.length === 4 ? [] : [proxyIp, middleIp]), proxyNonce],
  )
}

export interface NatPair {
  readonly local: string
  readonly public: string
}

/** `address` as the outside sees it. Ports stay: a NAT that changes them cannot be used with middle proxies. */
export function behindNat(address: Address, pairs: readonly NatPair[]): Address {
  const pair = pairs.find(({ local }) => local === address.ip)
  return pair === undefined ? address : { ip: pair.public, port: address.port }
}

/** An address of ours that clients reach, as the outside knows it: a private one is behind the same NAT as `own`, our end of a link. */
export function fromOutside(address: Address, own: Address): Address {
  const [inside, outside] = [ipBytes(address), ipBytes(own)]
  return inside.length === outside.length && isPrivate(inside) ? { ip: own.ip, port: address.port } : address
}

function derive(input: Uint8Array): CipherKey {
  const md5 = createHash('md5').update(input.subarray(1)).digest()
  const sha1 = createHash('sha1').update(input).digest()
  const iv = createHash('md5').update(input.subarray(2)).digest()
  return { key: concat(md5.subarray(0, KEY_FROM_MD5), sha1), iv }
}

function ipBytes({ ip }: Address): Uint8Array {
  const bytes = parseIp(ip)
  assert(bytes !== undefined, 'addresses of connections are well-formed')
  return bytes
}

function shortIp(ip: Uint8Array): Uint8Array {
  return ip.length === 4 ? Uint8Array.from(ip).reverse() : new Uint8Array(4)
}

function port(address: Address): Uint8Array {
  return Uint8Array.of(address.port, address.port >> 8)
}
