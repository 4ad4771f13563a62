import { LiveConfig } from '../../config/live.ts'
import { formatAddress } from '../../config/values/net.ts'
import { isPrivate, parseIp } from '../../core/address.ts'
import type { OwnAddress } from '../../core/events.ts'
import type { Address } from '../../core/ports.ts'
import { clusterOf, type ProxyConfig, type ProxySecret } from '../../core/protocol/rpc/index.ts'
import type { Settings, TelegramSettings } from '../../core/settings.ts'
import { askServers } from '../../core/telegram/middle/ask-servers.ts'
import { PublicAddresses } from '../../core/telegram/middle/public-address.ts'
import { needsMiddle } from '../../core/telegram/route.ts'
import { whyNoLink } from '../../observe/link-words.ts'
import { createPublicAddress } from '../../runtime/stun.ts'
import { lookupBy, PROBE_MS, type CheckInput, type Finding } from './finding.ts'
import { fetchFiles, type FetchedFiles } from './middle-files.ts'
import { tryLink, type LinkAttempt } from './middle-link.ts'

/** Of Telegram's own today. Half of it would still be taken for one. */
const SECRET_BYTES = 128
const PORT_CHANGED =
  'the NAT changed the port of our question to STUN servers; where it does so with links, middle proxies cannot be used'
/** Middle proxies that are tried. */
const TRIED_MAX = 2

/** Whether clients can go by middle proxy: the files, our address as the other side sees it, and a real handshake. */
export async function checkMiddle(input: CheckInput): Promise<readonly Finding[]> {
  const { settings } = new LiveConfig(input.loaded, () => input.loaded).prepared
  const { mode, middle } = settings.telegram
  if (mode === 'direct') return [finding('ok', 'not used: telegram.mode is "direct"')]
  if (needsMiddle(settings)) return checkWhole(input, settings)
  if (middle.dcs.length === 0)
    return [finding('ok', 'not used: no secret has an ad tag, and telegram.middle.dcs is empty')]
  return [lighterLine(await fetchFiles(input, middle), middle.dcs)]
}

function finding(level: Finding['level'], message: string): Finding {
  return { level, check: 'middle', message }
}

/** For DCs whose clients would go the direct way as well. */
function lighterLine({ secret, config, configV6 }: FetchedFiles, dcs: readonly number[]): Finding {
  const names = `${dcs.length === 1 ? 'DC' : 'DCs'} ${dcs.join(', ')}`
  const known = typeof config === 'string' ? configV6 : config
  if (typeof secret === 'string' || typeof known === 'string') {
    const why = typeof secret === 'string' ? secret : typeof config === 'string' ? config : ''
    return finding('warn', `${names} would be tried the direct way, since Telegram's files cannot be had: ${why}`)
  }
  const count = new Set(dcs.flatMap((dc) => clusterOf(known, dc)).map(formatAddress)).size
  return finding('ok', `${names}: ${count} middle ${count === 1 ? 'proxy' : 'proxies'} known; no secret has an ad tag`)
}

async function checkWhole(input: CheckInput, { telegram }: Settings): Promise<Finding[]> {
  const files = await fetchFiles(input, telegram.middle)
  const { secret } = files
  const findings = fileFindings(files)
  const targets = targetsOf(files, telegram)
  if (typeof secret === 'string' || targets.length === 0) return findings
  return [...findings, ...(await linkFindings(input, telegram, secret, targets))]
}

function fileFindings({ secret, config, configV6, pinWarnings }: FetchedFiles): Finding[] {
  const isListed = typeof config !== 'string' || typeof configV6 !== 'string'
  const listFinding = (name: string, list: ProxyConfig | string): Finding =>
    typeof list === 'string'
      ? finding(isListed ? 'warn' : 'fail', `no ${name}: ${list}`)
      : finding('ok', `${name}: ${sizeOf(list)}, default DC ${list.defaultDc}`)
  return [
    ...pinWarnings.map((message) => finding('warn', message)),
    secretFinding(secret),
    listFinding('list of middle proxies', config),
    listFinding('list of IPv6 middle proxies', configV6),
  ]
}

function secretFinding(secret: ProxySecret | string): Finding {
  if (typeof secret === 'string') return finding('fail', `no proxy secret: ${secret}`)
  const { length } = secret.bytes
  if (length === SECRET_BYTES) return finding('ok', `proxy secret: ${length} bytes`)
  return finding(
    'warn',
    `proxy secret: ${length} bytes, where Telegram's has ${SECRET_BYTES}: perhaps a part of the file`,
  )
}

function sizeOf({ clusters }: ProxyConfig): string {
  const proxies = new Set([...clusters.values()].flat().map(formatAddress)).size
  return `${clusters.size} ${clusters.size === 1 ? 'DC' : 'DCs'} and ${proxies} ${proxies === 1 ? 'proxy' : 'proxies'}`
}

/** Of the default DC, of the preferred family or else the other one, as the proxy chooses. */
function targetsOf({ config, configV6 }: FetchedFiles, { prefer }: TelegramSettings): readonly Address[] {
  const lists = prefer === 'ipv6' ? [configV6, config] : [config, configV6]
  for (const list of lists) {
    const cluster = typeof list === 'string' ? [] : clusterOf(list, list.defaultDc)
    if (cluster.length > 0) return cluster.slice(0, TRIED_MAX)
  }
  return []
}

async function linkFindings(
  input: CheckInput,
  telegram: TelegramSettings,
  secret: ProxySecret,
  targets: readonly Address[],
): Promise<Finding[]> {
  const { network, clock, random } = input
  const { middle } = telegram
  const port = createPublicAddress({ resolve: lookupBy(input.resolver), random })
  let whyUnknown = middle.stun.length === 0 ? 'telegram.middle.stun is empty' : 'no answer in time'
  let isPortKept = true
  const addresses = new PublicAddresses({
    ...{ port, clock, settings: () => middle },
    emit: (event) => {
      if (event.kind !== 'public-address') return
      whyUnknown = event.why
      isPortKept = event.isPortKept
    },
  })
  const connectTimeoutMs = Math.min(PROBE_MS, telegram.connectTimeoutMs)
  const trial = { network, clock, random, secret, addresses, connectTimeoutMs }
  const attempts = await Promise.all(targets.map((address) => tryLink(address, trial)))
  const mismatch = attempts
    .map(({ outcome }) => (outcome.kind === 'ended' ? outcome.mismatch : undefined))
    .find(Boolean)
  const seen = mismatch === undefined ? undefined : await askAbout(mismatch, port, middle.stun)
  const isAnyOpen = attempts.some(({ outcome }) => outcome.kind === 'open')
  const own = attempts.map((attempt) => attempt.own).find(Boolean)
  return [
    ...(own === undefined
      ? []
      : [finding(mismatch === undefined ? 'ok' : 'warn', `our address towards middle proxies: ${nameOf(own)}`)]),
    ...(isPortKept ? [] : [finding('warn', PORT_CHANGED)]),
    ...attempts.map((attempt) => attemptFinding(attempt, { isAnyOpen, whyUnknown, seen, secret })),
  ]
}

/** What STUN servers see, when what was used is wrong and did not come from them. */
function askAbout(
  { local, source }: OwnAddress,
  port: ReturnType<typeof createPublicAddress>,
  servers: readonly string[],
): Promise<string | undefined> {
  const ip = parseIp(local)
  if (source === 'stun' || servers.length === 0 || ip === undefined || !isPrivate(ip)) return Promise.resolve(undefined)
  return new Promise((resolve) =>
    askServers(port, servers, { family: ip.length === 4 ? 4 : 6, from: local }, (found) =>
      resolve('ip' in found ? found.ip : undefined),
    ),
  )
}

function nameOf({ ip, source, local }: OwnAddress): string {
  switch (source) {
    case 'nat':
      return `${ip}, as telegram.middle.nat says (our interface has ${local})`
    case 'stun':
      return `${ip}, as STUN servers say (our interface has ${local})`
    case 'interface':
      return `${ip}, that of our interface`
  }
}

interface Circumstances {
  readonly isAnyOpen: boolean
  /** Why our address was not found. */
  readonly whyUnknown: string
  /** Our address as STUN servers see it. */
  readonly seen: string | undefined
  readonly secret: ProxySecret
}

function attemptFinding({ address, outcome }: LinkAttempt, circumstances: Circumstances): Finding {
  const level = circumstances.isAnyOpen ? 'warn' : 'fail'
  const name = formatAddress(address)
  switch (outcome.kind) {
    case 'open':
      return finding('ok', `the middle proxy ${name} took our handshake, after ${outcome.ms} ms`)
    case 'unreached':
      return finding(level, `the middle proxy ${name} cannot be reached: ${outcome.why}`)
    case 'ended': {
      const why = whyNoLink(address, outcome.why, outcome.mismatch)
      if (outcome.why === 'address-unknown') return finding(level, `${why} (${circumstances.whyUnknown})`)
      return finding(level, outcome.mismatch === undefined ? why : `${why}${hintFor(outcome.mismatch, circumstances)}`)
    }
  }
}

function hintFor({ ip }: OwnAddress, { seen, secret }: Circumstances): string {
  const isShort = secret.bytes.length === SECRET_BYTES ? '' : '; or the proxy secret is not whole'
  if (seen === undefined) return isShort
  return seen === ip
    ? `; STUN servers see us as ${ip} too${isShort}`
    : `; STUN servers see us as ${seen}: nat = "${seen}"${isShort}`
}
