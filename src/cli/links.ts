import { renderUnicodeCompact } from 'uqr'
import type { LoadedConfig } from '../config/load.ts'
import { isPrivate, parseIp } from '../core/address.ts'
import type { Mode } from '../core/events.ts'
import { formatLink } from '../core/protocol/link.ts'
import { formatSecret, type ClientSecret } from '../core/protocol/secret.ts'
import { ownAddresses } from '../runtime/names.ts'

/** Stands where the public address is not known. */
export const HOST_PLACEHOLDER = 'YOUR-SERVER'

/** One secret in one mode, as a client is given it. */
export interface Link {
  readonly name: string
  readonly mode: Mode
  readonly host: string
  readonly port: number
  readonly secret: string
  readonly tg: string
  readonly https: string
}

export interface Place {
  readonly host: string
  readonly port: number
}

/** The first address of this machine that the internet can reach, IPv4 before IPv6; undefined behind NAT. */
export function publicAddress(own: readonly string[] = ownAddresses()): string | undefined {
  const reachable = own.filter((ip) => {
    const bytes = parseIp(ip)
    return bytes !== undefined && !isPrivate(bytes)
  })
  return reachable.find((ip) => !ip.includes(':')) ?? reachable[0]
}

/** Of every secret whose key we may see: those in a token were shown when they were made, and never again. */
export function linksOf({ config, keys }: LoadedConfig, place: Place): Link[] {
  return config.secret.flatMap((secret, i) => {
    if (secret.key.from === 'hsm') return []
    return secret.modes.map((mode) => {
      const domain = mode === 'fake-tls' ? (secret.domain ?? '') : ''
      return makeLink(secret.name, { mode, key: keys[i], domain }, place)
    })
  })
}

export function makeLink(name: string, secret: ClientSecret, { host, port }: Place): Link {
  const link = { host, port, secret }
  return {
    name,
    mode: secret.mode,
    host,
    port,
    secret: formatSecret(secret, 'hex'),
    tg: formatLink(link, 'tg'),
    https: formatLink(link, 'https'),
  }
}

/** A QR code for a dark terminal, with the quiet zone that scanners want. */
export function qrCode(text: string): string {
  return renderUnicodeCompact(text, { ecc: 'L', border: 2 })
}
