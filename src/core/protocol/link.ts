import { formatSecret, parseSecret, type ClientSecret } from './secret.ts'

/** Where a proxy is and how to talk to it. */
export interface ProxyLink {
  /** Host name or IP, without brackets; 1..255 characters. */
  readonly host: string
  /** 1..65535. */
  readonly port: number
  readonly secret: ClientSecret
}

const HOST_MAX = 255
const LINK_MAX = 4096
const PREFIX = /^(?:tg:(?:\/\/)?proxy|https?:\/\/(?:www\.)?(?:t\.me|telegram\.me|telegram\.dog)\/proxy)\/?\?([^#]*)/i

/** A link that a client opens; the secret in hex, because not every client reads base64url in links (protocol.md, 1). */
export function formatLink(link: ProxyLink, form: 'tg' | 'https'): string {
  const start = form === 'tg' ? 'tg://proxy' : 'https://t.me/proxy'
  return `${start}?server=${encodeURIComponent(link.host)}&port=${link.port}&secret=${formatSecret(link.secret, 'hex')}`
}

/** Reads `tg://proxy?...` and `https://t.me/proxy?...` (also telegram.me, telegram.dog); parameters in any order. */
export function parseLink(text: string): ProxyLink | { error: string } {
  const query = text.length > LINK_MAX ? undefined : PREFIX.exec(text.trim())?.[1]
  if (query === undefined) return { error: 'a proxy link starts with tg://proxy? or https://t.me/proxy?' }
  const host = parameter(query, 'server')?.replace(/^\[(.*)\]$/, '$1')
  const port = parameter(query, 'port')
  const secretText = parameter(query, 'secret')
  if (host === undefined || host === '' || host.length > HOST_MAX)
    return { error: `server: a proxy link names a host of 1 to ${HOST_MAX} characters` }
  if (port === undefined || !/^[0-9]{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65535)
    return { error: 'port: a proxy link names a port from 1 to 65535' }
  if (secretText === undefined) return { error: 'secret: a proxy link names a secret' }
  const secret = parseSecret(secretText)
  return 'error' in secret ? { error: `secret: ${secret.error}` } : { host, port: Number(port), secret }
}

/** The first parameter of that name, decoded; undefined when it is missing or its escapes make no sense. */
function parameter(query: string, name: string): string | undefined {
  for (const pair of query.split('&')) {
    if (!pair.startsWith(`${name}=`)) continue
    try {
      return decodeURIComponent(pair.slice(name.length + 1))
    } catch {
      return undefined
    }
  }
  return undefined
}
