import { existsSync, readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { isHostName, readAddress } from '../config/values/net.ts'
import { formatIp, parseIp } from '../core/address.ts'
import { servedChain } from '../runtime/https/served-chain.ts'
import { CHAIN_MAX, readCertificate, type Certificate } from '../trust/chain.ts'
import { CliError, EXIT } from './exit.ts'
import { print } from './output.ts'

const TIMEOUT_MS = 10_000
const HTTPS_PORT = 443

interface PinOptions {
  readonly host?: string
}

export function addPin(program: Command): void {
  program
    .command('pin')
    .description('print the SPKI pins of a chain as a snippet of configuration')
    .argument('<source>', 'HOST, HOST:PORT, or a file of certificates (PEM)')
    .option('--host <host>', 'host of the snippet, where the file names another or none')
    .addHelpText(
      'after',
      `
Only a chain that passes the usual validation is printed. See to it that nobody
sits between you and the host: ask from another network too, and compare.

Examples:
  palisade pin core.telegram.org
  palisade pin chain.pem --host core.telegram.org`,
    )
    .action(pin)
}

async function pin(source: string, options: PinOptions): Promise<void> {
  const wanted = options.host?.toLowerCase()
  if (wanted !== undefined && !isHost(wanted))
    throw new CliError(EXIT.usage, '--host: expected a host name such as core.telegram.org')
  if (isFile(source)) return printFile(source, wanted)
  const place = readPlace(source)
  if (place === undefined)
    throw new CliError(EXIT.usage, `expected HOST, HOST:PORT or a file that exists, got ${JSON.stringify(source)}`)
  const chain = await servedChain(place, TIMEOUT_MS)
  if ('why' in chain) throw new CliError(EXIT.failed, `${place.host} ${chain.why}`)
  if (chain.length === 0) throw new CliError(EXIT.failed, `${place.host} shows a certificate that cannot be read`)
  print(renderPins(wanted ?? place.host, chain))
}

function printFile(path: string, wanted: string | undefined): void {
  const certificates = readPem(path)
  const host = wanted ?? certificates.flatMap(({ names }) => names).find(isHostName)
  if (host === undefined) throw new CliError(EXIT.usage, `${path} names no host: give one with --host`)
  print(renderPins(host, certificates))
}

/** Host names have no slash, and end in no file extension of certificates. */
function isFile(source: string): boolean {
  return source.includes('/') || /\.(pem|crt|cer)$/i.test(source) || existsSync(source)
}

/** Undefined for what is neither a host nor an address. */
export function readPlace(source: string): { readonly host: string; readonly port: number } | undefined {
  const address = readAddress(source)
  if (address !== undefined) return { host: address.ip, port: address.port }
  const ip = parseIp(source.replace(/^\[(.*)\]$/, '$1'))
  if (ip !== undefined) return { host: formatIp(ip), port: HTTPS_PORT }
  const [, host, digits] = /^([^:]+)(?::(\d{1,5}))?$/.exec(source) ?? []
  const port = digits === undefined ? HTTPS_PORT : Number(digits)
  return host !== undefined && isHostName(host) && port >= 1 && port <= 65535
    ? { host: host.toLowerCase(), port }
    : undefined
}

function isHost(text: string): boolean {
  return isHostName(text) || parseIp(text) !== undefined
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

function readPem(path: string): readonly Certificate[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new CliError(EXIT.failed, `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  const blocks = text.match(BLOCK) ?? []
  if (blocks.length === 0) throw new CliError(EXIT.failed, `${path} holds no certificate in PEM`)
  if (blocks.length > CHAIN_MAX)
    throw new CliError(EXIT.failed, `${path} holds ${blocks.length} certificates: more than a chain`)
  return blocks.map((block, i) => {
    const certificate = readCertificate(block)
    if (certificate === undefined) throw new CliError(EXIT.failed, `${path}: certificate ${i + 1} cannot be read`)
    return certificate
  })
}

/**
 * A `[pinning]` table. Intermediates are pinned: leaves change every few weeks, and a root vouches for half the world; both
 * stand beside as comments.
 */
export function renderPins(host: string, chain: readonly Certificate[]): string {
  const roles = chain.map(roleOf)
  const pinned = roles.includes('intermediate') ? 'intermediate' : roles[0]
  const lines = chain.flatMap((certificate, i) => {
    const entry = `{ host = "${host}", spki_sha256 = ["${certificate.spki}"] },`
    const day = new Date(certificate.untilSec * 1000).toISOString().slice(0, 10)
    return [
      `  # ${roles[i]}, ${certificate.subject}, until ${day}`,
      roles[i] === pinned ? `  ${entry}` : `  # ${entry}`,
    ]
  })
  return [
    '[pinning]',
    'mode = "warn"',
    'pins = [',
    ...lines,
    '  # strict mode wants a backup: a key that this chain does not have',
    `  # { host = "${host}", spki_sha256 = ["..."], backup = true },`,
    ']',
  ].join('\n')
}

function roleOf({ isCa, isSelfSigned }: Certificate): 'leaf' | 'intermediate' | 'root' {
  if (!isCa) return 'leaf'
  return isSelfSigned ? 'root' : 'intermediate'
}
