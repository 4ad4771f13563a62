import { formatIp, isPrivate, parseIp } from '../address.ts'
import type { Emit } from '../events.ts'
import type { NameCache } from '../names.ts'
import type { Address, Network } from '../ports.ts'
import type { MaskSettings, SecretSettings } from '../settings.ts'

export interface TargetOptions {
  readonly network: Pick<Network, 'ownAddresses'>
  readonly names: NameCache
  readonly emit: Emit
  readonly settings: () => { readonly mask: MaskSettings; readonly secrets: readonly SecretSettings[] }
  /** Our own listeners: the mask must not lead back to them. */
  readonly listening: () => readonly Address[]
}

interface Name {
  /** The first address that is no refused one. */
  ip: string | undefined
  /** What was refused last, so that it is told once. */
  refused: string | undefined
}

/** Where everything goes that is no client. Names are kept resolved in the background; a connection never waits for that. */
export class MaskTargets {
  readonly #options: TargetOptions
  /** Only names of the configuration: strangers add none. */
  readonly #names = new Map<string, Name>()

  constructor(options: TargetOptions) {
    this.#options = options
  }

  /**
   * The mask host's address for a connection that named `sni`, or nothing. A host that is configured serves all; otherwise
   * it is the named one if it is ours, else the first secret's: an open relay to anywhere we must not become.
   */
  targetFor(sni: string | undefined): Address | undefined {
    const { mask, secrets } = this.#options.settings()
    if (mask.host !== '') return this.addressOf(mask.host)
    const domains = secrets.filter((secret) => secret.domain !== '')
    const named = domains.find((secret) => secret.domain === sni) ?? domains[0]
    return named === undefined ? undefined : this.addressOf(named.domain)
  }

  /** Of a configured host: the literal itself, or what its name resolved to. */
  addressOf(host: string): Address | undefined {
    const { port } = this.#options.settings().mask
    if (!this.#names.has(host) && parseIp(host) !== undefined) this.#answered(host, [host], true)
    const ip = this.#names.get(host)?.ip
    return ip === undefined ? undefined : { ip, port }
  }

  /** Takes up the names that the settings hold now, and drops the others. */
  refresh(): void {
    const hosts = this.#hosts()
    for (const host of this.#names.keys()) if (!hosts.includes(host)) this.#names.delete(host)
    const isLiteral = (host: string) => parseIp(host) !== undefined
    for (const host of hosts.filter(isLiteral)) this.#answered(host, [host], true)
    const names = hosts.filter((host) => !isLiteral(host))
    this.#options.names.keep(names, (host, ips) => this.#answered(host, ips, false))
  }

  #hosts(): readonly string[] {
    const { mask, secrets } = this.#options.settings()
    const hosts = mask.host === '' ? secrets.map((secret) => secret.domain) : [mask.host]
    return [...new Set(hosts)].filter((host) => host !== '')
  }

  /** Nothing good among the addresses: no old one serves instead, as somebody has changed the name. */
  #answered(host: string, ips: readonly string[], isLiteral: boolean): void {
    const name = this.#nameOf(host)
    const good = ips.find((ip) => this.#refusal(ip, isLiteral) === undefined)
    name.ip = good === undefined ? undefined : canonical(good)
    if (good !== undefined) name.refused = undefined
    else if (ips.length > 0) this.#tell(host, ips[0], this.#refusal(ips[0], isLiteral), name)
  }

  #nameOf(host: string): Name {
    const name = this.#names.get(host) ?? { ip: undefined, refused: undefined }
    this.#names.set(host, name)
    return name
  }

  /** A literal was meant as it stands, loopback included; a name may have been changed by somebody else. */
  #refusal(ip: string, isLiteral: boolean): 'private' | 'ourselves' | undefined {
    const bytes = parseIp(ip)
    if (bytes === undefined) return 'private'
    if (this.#isOurselves(formatIp(bytes))) return 'ourselves'
    return isPrivate(bytes) && !isLiteral ? 'private' : undefined
  }

  #isOurselves(ip: string): boolean {
    const { listening, network, settings } = this.#options
    const { port } = settings().mask
    const own = listening().filter((listener) => listener.port === port)
    if (own.length === 0) return false
    // A dial to "any" address ends at this machine, as one to loopback does.
    if (isAny(ip)) return true
    const isOurAddress = ip.startsWith('127.') || ip === '::1' || network.ownAddresses().includes(ip)
    return own.some((listener) => listener.ip === ip || (isOurAddress && isAny(listener.ip)))
  }

  #tell(host: string, ip: string, why: 'private' | 'ourselves' | undefined, name: Name): void {
    if (why === undefined || name.refused === ip) return
    name.refused = ip
    this.#options.emit({ kind: 'mask-refused', host, ip, why })
  }
}

/** One address has one text, or it would not be recognised as ours. */
function canonical(ip: string): string {
  const bytes = parseIp(ip)
  return bytes === undefined ? ip : formatIp(bytes)
}

function isAny(ip: string): boolean {
  return ip === '0.0.0.0' || ip === '::'
}
