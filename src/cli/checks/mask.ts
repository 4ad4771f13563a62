import { connect } from 'node:tls'
import { formatAddress } from '../../config/values/net.ts'
import { isPrivate, parseIp } from '../../core/address.ts'
import type { Config } from '../../config/schema.ts'
import type { Address } from '../../core/ports.ts'
import { resolveWithin } from '../net-probe.ts'
import { PROBE_MS, type CheckInput, type Finding } from './finding.ts'

const SKEW_WARN_SEC = 30
const ANSWER_BYTES_MAX = 16_384

/** Whether strangers can be sent to the web sites we hide behind: found, not private, not ourselves, and speaking TLS 1.3. */
export async function checkMask(input: CheckInput): Promise<readonly Finding[]> {
  const sites = sitesOf(input.loaded.config)
  if (sites.length === 0)
    return [{ level: 'warn', check: 'mask', message: 'no mask host: strangers are read and discarded' }]
  return (await Promise.all(sites.map((site) => checkSite(site, input)))).flat()
}

interface Site {
  /** Where to connect. */
  readonly host: string
  /** What to name in the hello; empty: nothing. */
  readonly sni: string
  readonly port: number
}

function sitesOf({ mask, secret }: Config): Site[] {
  const domains = [...new Set(secret.flatMap(({ modes, domain = '' }) => (modes.includes('fake-tls') ? [domain] : [])))]
  if (mask.host === undefined) return domains.map((host) => ({ host, sni: host, port: mask.port }))
  const host = mask.host
  const ownName = parseIp(host) === undefined ? host : ''
  const names = domains.length > 0 ? domains : [ownName]
  return names.map((sni) => ({ host, sni, port: mask.port }))
}

async function checkSite(site: Site, { loaded, network, resolver, wallSec }: CheckInput): Promise<Finding[]> {
  const finding = (level: Finding['level'], message: string): Finding => ({ level, check: 'mask', message })
  const isLiteral = parseIp(site.host) !== undefined
  const found = isLiteral ? undefined : await resolveWithin(resolver, site.host, PROBE_MS)
  if (found?.kind === 'no-address') return [finding('fail', `${site.host} has no address`)]
  if (found?.kind === 'failed') return [finding('fail', `${site.host} cannot be looked up: ${found.why}`)]
  const ips = found?.ips ?? [site.host]
  if (!isLiteral) {
    const bad = ips.find((ip) => isPrivate(parseIp(ip) ?? new Uint8Array(4)))
    if (bad !== undefined)
      return [finding('fail', `${site.host} leads to ${bad}, which is private: it will be refused`)]
  }
  const ours = loaded.config.listen.address.some(({ port }) => port === site.port)
  const own = ours ? ips.find((ip) => network.ownAddresses().includes(ip)) : undefined
  if (own !== undefined) return [finding('fail', `${site.host} leads to ourselves (${own} port ${site.port})`)]
  const at = { ip: ips.find((ip) => !ip.includes(':')) ?? ips[0], port: site.port }
  const answer = await askSite(at, site.sni)
  const name = site.sni === '' || site.sni === site.host ? site.host : `${site.host} (as ${site.sni})`
  if ('why' in answer) return [finding('fail', `${name} does not answer TLS on ${formatAddress(at)}: ${answer.why}`)]
  return siteFindings(name, answer, wallSec, loaded.config.mask.skew / 1000).map(([level, text]) =>
    finding(level, text),
  )
}

interface Answer {
  readonly protocol: string
  readonly isTrusted: boolean
  /** Unix seconds of its Date header; undefined where it has none. */
  readonly date: number | undefined
}

function siteFindings(name: string, answer: Answer, wallSec: number, skewSec: number): [Finding['level'], string][] {
  const findings: [Finding['level'], string][] = []
  if (answer.protocol !== 'TLSv1.3')
    findings.push(['fail', `${name} speaks ${answer.protocol}: a site behind fake TLS must speak TLS 1.3`])
  else findings.push(['ok', `${name} answers with TLS 1.3`])
  if (!answer.isTrusted) findings.push(['warn', `${name} has a certificate that browsers do not trust`])
  if (answer.date === undefined) return findings
  const apart = Math.round(wallSec - answer.date)
  if (Math.abs(apart) > skewSec)
    findings.push(['fail', `our clock is ${apart} s off that of ${name}: more than mask.skew; set up NTP`])
  else if (Math.abs(apart) > SKEW_WARN_SEC) findings.push(['warn', `our clock is ${apart} s off that of ${name}`])
  return findings
}

/** A handshake and a HEAD request; the certificate is judged, not required. */
function askSite({ ip, port }: Address, sni: string): Promise<Answer | { readonly why: string }> {
  return new Promise((resolve) => {
    const socket = connect(port, ip, { rejectUnauthorized: false, ALPNProtocols: ['http/1.1'], servername: sni })
    let seen = ''
    let answer: Answer | undefined
    const finish = (why: string) => {
      clearTimeout(limit)
      socket.destroy()
      resolve(answer ?? { why })
    }
    const limit = setTimeout(() => finish('no answer in time'), PROBE_MS)
    socket.on('secureConnect', () => {
      answer = { protocol: socket.getProtocol() ?? 'no TLS', isTrusted: socket.authorized, date: undefined }
      socket.write(`HEAD / HTTP/1.1\r\nHost: ${sni === '' ? ip : sni}\r\nConnection: close\r\n\r\n`)
    })
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1')
      const date = /^date: ([^\r]+)\r$/im.exec(seen)?.[1]
      if (date !== undefined && answer !== undefined) answer = { ...answer, date: Date.parse(date) / 1000 || undefined }
      if (date !== undefined || seen.includes('\r\n\r\n') || seen.length > ANSWER_BYTES_MAX) finish('')
    })
    socket.on('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message))
    socket.on('close', () => finish('closed'))
  })
}
