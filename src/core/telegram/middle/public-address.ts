import { isPrivate, parseIp } from '../../address.ts'
import type { Emit, OwnAddress } from '../../events.ts'
import type { Clock, PublicAddress, SeenAddress } from '../../ports.ts'
import type { MiddleSettings } from '../../settings.ts'
import { askServers } from './ask-servers.ts'

export interface PublicAddressesOptions {
  readonly port: PublicAddress | undefined
  readonly clock: Clock
  readonly emit: Emit
  readonly settings: () => MiddleSettings
}

type Use = (own: OwnAddress | undefined) => void

interface Entry {
  /** As found last. */
  ip: string | undefined
  /** Monotonic ms. */
  askedAt: number
  /** From here on the next one who needs it asks again. */
  askAt: number
  /** Between one question and the next while none brings anything new. */
  pauseMs: number
  /** Links failed with what was found. */
  isDoubted: boolean
  /** Who waits for the answer; undefined: nobody was asked. */
  waiting: Use[] | undefined
}

/** What was found is asked about again after this long, by the next link that needs it. */
const FRESH_MS = 3_600_000
const PAUSE_MIN_MS = 60_000
const PAUSE_MAX_MS = 300_000
/** Addresses of this machine's interfaces that links leave by. */
const LOCALS_MAX = 16

/**
 * Knows our address as middle proxies see it, which the keys of a link need. Behind a NAT only somebody outside can tell it: the
 * servers of `telegram.middle.stun` are asked when a link needs it, hourly while links do, and sooner when links fail with it;
 * never more often than once a minute. Where `telegram.middle.nat` says it or the interface has a public address nobody is asked.
 */
export class PublicAddresses {
  readonly #options: PublicAddressesOptions
  /** By the address of the interface. */
  readonly #entries = new Map<string, Entry>()
  #isAsked = false

  constructor(options: PublicAddressesOptions) {
    this.#options = options
  }

  /** Asks ahead, from where routing leads, so that the first link need not wait and a failure shows in time. Once is enough. */
  prepare(): void {
    const { port } = this.#options
    const { nat, stun } = this.#options.settings()
    if (port === undefined || this.#isAsked || nat !== undefined || stun.length === 0) return
    this.#isAsked = true
    askServers(port, stun, { family: 4 }, (found) => {
      if ('why' in found) this.#tellFailure('', undefined, found.why)
      else if (found.ip !== found.local) this.#take(found, this.#entryFor(found.local))
    })
  }

  /** The servers may be others now: what was not found is looked for again by the next one who needs it. */
  refresh(): void {
    for (const entry of this.#entries.values()) if (entry.ip === undefined) entry.askAt = 0
  }

  /** Calls `use` once, at once or when it is known; with undefined when it cannot be found. */
  give(local: string, remote: string, use: Use): void {
    const { nat, stun } = this.#options.settings()
    const { clock, port } = this.#options
    if (nat !== undefined && familyOf(nat) === familyOf(local)) return use({ ip: nat, source: 'nat', local })
    // What has a private address itself is on our side of the NAT.
    if (!isPrivateText(local) || isPrivateText(remote)) return use({ ip: local, source: 'interface', local })
    if (port === undefined || stun.length === 0) return use(undefined)
    const entry = this.#entryFor(local)
    if (entry.waiting === undefined && clock.mono() >= entry.askAt) this.#ask(port, local, entry)
    if (entry.waiting !== undefined && (entry.ip === undefined || entry.isDoubted)) entry.waiting.push(use)
    else use(ownByStun(local, entry.ip))
  }

  /** A link failed as it does with a wrong address. */
  doubt({ local, source }: OwnAddress): void {
    const entry = this.#entries.get(local)
    if (source !== 'stun' || entry === undefined) return
    entry.isDoubted = true
    entry.askAt = Math.min(entry.askAt, entry.askedAt + entry.pauseMs)
  }

  /** A link opened with it, so it is right. */
  confirm({ local }: OwnAddress): void {
    const entry = this.#entries.get(local)
    if (entry === undefined) return
    entry.isDoubted = false
    entry.pauseMs = PAUSE_MIN_MS
  }

  #ask(port: PublicAddress, local: string, entry: Entry): void {
    const { clock, settings } = this.#options
    entry.waiting = []
    entry.askedAt = clock.mono()
    askServers(port, settings().stun, { family: familyOf(local), from: local }, (found) => {
      if ('why' in found) {
        entry.askAt = clock.mono() + entry.pauseMs
        entry.pauseMs = Math.min(2 * entry.pauseMs, PAUSE_MAX_MS)
        this.#tellFailure(local, entry.ip, found.why)
      } else this.#take(found, entry)
      const waiting = entry.waiting ?? []
      entry.waiting = undefined
      entry.isDoubted = false
      for (const use of waiting) use(ownByStun(local, entry.ip))
    })
  }

  #take({ local, ip, isPortKept }: SeenAddress, entry: Entry): void {
    const { clock, emit } = this.#options
    const isNew = ip !== entry.ip
    entry.pauseMs = isNew ? PAUSE_MIN_MS : Math.min(2 * entry.pauseMs, PAUSE_MAX_MS)
    entry.askedAt = clock.mono()
    entry.askAt = entry.askedAt + FRESH_MS
    entry.ip = ip
    emit({ kind: 'public-address', result: isNew ? 'found' : 'unchanged', local, ip, isPortKept, why: '' })
  }

  #tellFailure(local: string, kept: string | undefined, why: string): void {
    this.#options.emit({ kind: 'public-address', result: 'failed', local, ip: kept ?? '', isPortKept: true, why })
  }

  #entryFor(local: string): Entry {
    let entry = this.#entries.get(local)
    if (entry !== undefined) return entry
    if (this.#entries.size >= LOCALS_MAX)
      for (const [key, { waiting }] of this.#entries) if (waiting === undefined) this.#entries.delete(key)
    entry = { ip: undefined, askedAt: 0, askAt: 0, pauseMs: PAUSE_MIN_MS, isDoubted: false, waiting: undefined }
    this.#entries.set(local, entry)
    return entry
  }
}

function ownByStun(local: string, ip: string | undefined): OwnAddress | undefined {
  return ip === undefined ? undefined : { ip, source: 'stun', local }
}

function familyOf(ip: string): 4 | 6 {
  return parseIp(ip)?.length === 4 ? 4 : 6
}

function isPrivateText(ip: string): boolean {
  const bytes = parseIp(ip)
  return bytes === undefined || isPrivate(bytes)
}
