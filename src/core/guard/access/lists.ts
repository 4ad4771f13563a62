import type { AccessListResult, Emit } from '../../events.ts'
import { CallbackTimer, type TimerWheel } from '../../memory/wheel.ts'
import type { Clock, Fetcher, Random, Store } from '../../ports.ts'
import { toHex } from '../../protocol/bytes.ts'
import type { AccessListSettings } from '../../settings.ts'
import { copyKeyOf, digestOf, ListCopy } from './list-copy.ts'
import { LIST_BYTES_MAX, ListReader, type AddressList } from './list-reader.ts'
import { Prefixes } from './prefixes.ts'

export interface ListPorts {
  readonly fetcher: Fetcher
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly wheel: TimerWheel
  readonly emit: Emit
}

interface Owner {
  /** Most prefixes that there is room for. */
  readonly room: () => number
  /** It has other prefixes now. */
  readonly onTaken: () => void
}

/** After a failure it is tried again this soon, then after twice as long each time, at most after `refresh`. */
const RETRY_MS = 60_000
/** Read at each tick: a few milliseconds of work. */
const LINES_PER_STEP = 2_000
/** A list of some length that shrinks to less than this share at once is not believed. */
const PLAUSIBLE_SHARE = 0.1
const PLAUSIBLE_FROM = 100

type State =
  | { readonly name: 'waiting' }
  | { readonly name: 'restoring' }
  | { readonly name: 'fetching' }
  | {
      readonly name: 'reading'
      readonly reader: ListReader
      readonly file: Uint8Array
      readonly result: 'taken' | 'restored'
    }
  | { readonly name: 'closed' }

/**
 * One list of addresses: its last good copy from the store, then what its source says, again and again. A list that cannot be
 * had or believed leaves the one before in force.
 */
export class AccessList {
  settings: AccessListSettings
  readonly #ports: ListPorts
  readonly #owner: Owner
  readonly #copy: ListCopy
  readonly #timer = new CallbackTimer(() => this.#due())
  #state: State = { name: 'waiting' }
  #list: AddressList | undefined
  /** Of the file that `#list` was read from. */
  #digest = ''
  #retryMs = RETRY_MS

  constructor(settings: AccessListSettings, ports: ListPorts, owner: Owner) {
    this.settings = settings
    this.#ports = ports
    this.#owner = owner
    this.#copy = new ListCopy(ports.store, copyKeyOf(settings.source))
  }

  get source(): string {
    return this.settings.source
  }
  get prefixes(): Prefixes {
    return this.#list?.prefixes ?? NO_PREFIXES
  }

  /** Takes the stored copy, then asks the source, `afterMs` later where there was one. */
  start(afterMs: number): void {
    this.#state = { name: 'restoring' }
    this.#copy.restore((file) => {
      if (this.#state.name !== 'restoring') return
      if (file !== undefined) this.#read(file, 'restored')
      else this.#waitFor(afterMs)
    })
  }

  /** Asks the source now, unless that is under way. */
  refresh(): void {
    if (this.#state.name === 'waiting') this.#fetch()
  }

  /** `isGone`: it is no longer configured, so its copy goes too. */
  close({ isGone }: { readonly isGone: boolean }): void {
    this.#state = { name: 'closed' }
    this.#ports.wheel.disarm(this.#timer)
    if (isGone) this.#copy.forget()
  }

  #due(): void {
    if (this.#state.name === 'waiting') this.#fetch()
    else if (this.#state.name === 'reading') this.#readOn(this.#state)
  }

  #fetch(): void {
    this.#ports.wheel.disarm(this.#timer)
    this.#state = { name: 'fetching' }
    this.#ports.fetcher.fetch(this.source, LIST_BYTES_MAX, (result) => {
      if (this.#state.name !== 'fetching') return
      if ('why' in result) this.#failed('failed', result.why)
      else if (toHex(digestOf(result.bytes)) === this.#digest) this.#done('unchanged')
      else this.#read(result.bytes.slice(), 'taken')
    })
  }

  #read(file: Uint8Array, result: 'taken' | 'restored'): void {
    this.#state = { name: 'reading', reader: new ListReader(file, this.#owner.room()), file, result }
    this.#arm(0)
  }

  #readOn({ reader, file, result }: State & { name: 'reading' }): void {
    const read = reader.step(LINES_PER_STEP)
    if (read === undefined) {
      this.#arm(0)
      return
    }
    const before = this.prefixes.count
    if ('fault' in read) this.#failed('refused', read.fault)
    else if (before >= PLAUSIBLE_FROM && read.prefixes.count < before * PLAUSIBLE_SHARE)
      this.#failed('refused', `${read.prefixes.count} prefixes, where there were ${before}`)
    else {
      this.#list = read
      this.#digest = toHex(digestOf(file))
      if (result === 'taken') this.#copy.save(file)
      this.#owner.onTaken()
      this.#done(result)
    }
  }

  #done(result: 'taken' | 'restored' | 'unchanged'): void {
    const { random } = this.#ports
    const { refreshMs } = this.settings
    this.#retryMs = RETRY_MS
    this.#tell(result, result === 'unchanged' ? '' : ignoredOf(this.#list))
    this.#waitFor(result === 'restored' ? random.below(RESTORED_SPREAD_MS) : spread(refreshMs, random))
  }

  #failed(result: 'failed' | 'refused', why: string): void {
    this.#tell(result, why)
    const retryMs = Math.min(this.#retryMs, this.settings.refreshMs)
    this.#retryMs = Math.min(2 * retryMs, this.settings.refreshMs)
    this.#waitFor(spread(retryMs, this.#ports.random))
  }

  #waitFor(ms: number): void {
    this.#state = { name: 'waiting' }
    this.#arm(ms)
  }

  #arm(afterMs: number): void {
    this.#ports.wheel.arm(this.#timer, this.#ports.clock.mono() + afterMs)
  }

  #tell(result: AccessListResult, why: string): void {
    const { ignoredPrivate = 0, ignoredWide = 0, badLines = 0 } = this.#list ?? {}
    const isNew = result === 'taken' || result === 'restored'
    this.#ports.emit({
      kind: 'access-list',
      source: shownSource(this.source),
      result,
      entries: this.prefixes.count,
      ignored: isNew ? ignoredPrivate + ignoredWide + badLines : 0,
      why,
    })
  }
}

const NO_PREFIXES = new Prefixes()
/** After a start the sources of restored lists are asked within this. */
const RESTORED_SPREAD_MS = 10_000

/** Up to a tenth more: many proxies must not ask for a list in the same second. */
function spread(ms: number, random: Random): number {
  return ms + Math.floor((ms * random.below(1001)) / 10_000)
}

/** What was passed over, in words; empty when nothing was. */
export function ignoredOf(list: AddressList | undefined): string {
  const { ignoredPrivate = 0, ignoredWide = 0, badLines = 0 } = list ?? {}
  const parts = [
    ignoredPrivate > 0 ? `${ignoredPrivate} private or reserved` : '',
    ignoredWide > 0 ? `${ignoredWide} wider than /8 or an IPv6 /16` : '',
    badLines > 0 ? `${badLines} no address, CIDR or range` : '',
  ].filter((part) => part !== '')
  return parts.length === 0 ? '' : `ignored: ${parts.join(', ')}`
}

/** As logs may have it: a subscription's token stands behind the "?". */
export function shownSource(source: string): string {
  return source.startsWith('https://') ? source.replace(/\?.*$/s, '?...') : source
}
