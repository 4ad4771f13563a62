import type { Address } from '../ports.ts'
import type { TelegramSettings } from '../settings.ts'

const PORT = 443

/** Production and test DCs and the CDN, IPv4 and IPv6, as published by Telegram's clients (protocol.md, section 6). */
const BUILT_IN: Readonly<Record<number, readonly string[]>> = {
  1: ['149.154.175.50', '2001:b28:f23d:f001::a'],
  2: ['149.154.167.51', '95.161.76.100', '2001:67c:4e8:f002::a'],
  3: ['149.154.175.100', '2001:b28:f23d:f003::a'],
  4: ['149.154.167.91', '2001:67c:4e8:f004::a'],
  5: ['149.154.171.5', '2001:b28:f23f:f005::a'],
  203: ['91.105.192.100', '2a0a:f280:203:a:5000::100'],
  10001: ['149.154.175.10', '2001:b28:f23d:f001::e'],
  10002: ['149.154.167.40', '2001:67c:4e8:f002::e'],
  10003: ['149.154.175.117', '2001:b28:f23d:f003::e'],
}

/**
 * Where DC `dc` (as the client wrote it: negative for media, plus or minus 10000 for test DCs) is reached; undefined when
 * it is unknown. Overrides win: of the very id, else of the id without its sign, since media uses the same addresses.
 */
export function addressesOf(dc: number, settings: TelegramSettings): readonly Address[] | undefined {
  const plain = Math.abs(dc)
  const override = settings.dc[String(dc)] ?? settings.dc[String(plain)]
  if (override !== undefined) return override
  return BUILT_IN[plain]?.map((ip) => ({ ip, port: PORT }))
}

export function isIpv6(address: Address): boolean {
  return address.ip.includes(':')
}

/** The preferred family first, otherwise in the order of the table. */
export function ordered(addresses: readonly Address[], prefersIpv6: boolean): readonly Address[] {
  const first = addresses.filter((address) => isIpv6(address) === prefersIpv6)
  const second = addresses.filter((address) => isIpv6(address) !== prefersIpv6)
  return [...first, ...second]
}
