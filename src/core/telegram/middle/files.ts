import type { Emit, MiddleFile } from '../../events.ts'
import { CallbackTimer, type TimerWheel } from '../../memory/wheel.ts'
import type { Clock, Fetcher, Store } from '../../ports.ts'
import { parseProxyConfig, readProxySecret, type ProxyConfig, type ProxySecret } from '../../protocol/rpc/index.ts'
import type { MiddleSettings } from '../../settings.ts'

export interface MiddleFilesOptions {
  readonly fetcher: Fetcher
  readonly store: Store
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly emit: Emit
  readonly settings: () => MiddleSettings
}

/** None of them has more bytes. */
export const FILE_MAX_BYTES = 1 << 18
/** After a failure it is tried again this soon, then after twice as long each time, at most after `refresh`. */
const RETRY_MS = 60_000
/** A new list that knows less than this share of the DCs we knew is not believed. */
const PLAUSIBLE_SHARE = 0.5

/** One of the files: where it comes from, and how it is read beside the last good copy; a text says what is wrong with it. */
export interface FileKind<T> {
  readonly what: MiddleFile
  readonly source: (settings: MiddleSettings) => string
  readonly read: (file: Uint8Array, before: T | undefined) => T | string
}

export const SECRET: FileKind<ProxySecret> = {
  what: 'secret',
  source: ({ secret }) => secret,
  read(file) {
    const secret = readProxySecret(file)
    return 'fault' in secret ? secret.fault : secret
  },
}
export const configOf = (what: 'config' | 'config-v6', family: 4 | 6): FileKind<ProxyConfig> => ({
  what,
  source: ({ config, configV6 }) => (family === 4 ? config : configV6),
  read(file, before) {
    const parsed = parseProxyConfig(file, { family, mayBePrivate: true })
    if ('problems' in parsed) {
      const [{ line, reason, found }] = parsed.problems
      return `line ${line}: ${reason}${found === '' ? '' : ` (${found})`}`
    }
    const { clusters } = parsed.config
    const isPlausible = before === undefined || clusters.size >= before.clusters.size * PLAUSIBLE_SHARE
    return isPlausible ? parsed.config : `${clusters.size} DCs, where there were ${before.clusters.size}`
  },
})

/** Keeps what Telegram publishes for its proxies: fetched in the background, the last good copy in the store. */
export class MiddleFiles {
  readonly #options: MiddleFilesOptions
  readonly #secret: Kept<ProxySecret>
  readonly #config: Kept<ProxyConfig>
  readonly #configV6: Kept<ProxyConfig>
  readonly #timer = new CallbackTimer(() => this.refresh())
  #retryMs = RETRY_MS
  #hasFailed = false
  #isClosed = false

  constructor(options: MiddleFilesOptions) {
    this.#options = options
    const onFailed = () => {
      this.#hasFailed = true
      this.#again(this.#retryMs)
    }
    this.#secret = new Kept(SECRET, options, onFailed)
    this.#config = new Kept(configOf('config', 4), options, onFailed)
    this.#configV6 = new Kept(configOf('config-v6', 6), options, onFailed)
  }

  get secret(): ProxySecret | undefined {
    return this.#secret.value
  }
  config(family: 4 | 6): ProxyConfig | undefined {
    return (family === 4 ? this.#config : this.#configV6).value
  }

  /** Takes the stored copies, and then fetches: what comes is judged by what was known, however fast it comes. */
  start(): void {
    let waiting = this.#all().length
    const restored = () => {
      if (--waiting === 0) this.refresh()
    }
    for (const kept of this.#all()) kept.restore(restored)
  }

  refresh(): void {
    if (this.#isClosed) return
    const { refreshMs } = this.#options.settings()
    this.#retryMs = this.#hasFailed ? Math.min(2 * this.#retryMs, refreshMs) : RETRY_MS
    this.#hasFailed = false
    this.#options.wheel.disarm(this.#timer)
    this.#again(refreshMs)
    for (const kept of this.#all()) kept.refresh()
  }

  close(): void {
    this.#isClosed = true
    this.#options.wheel.disarm(this.#timer)
  }

  #all() {
    return [this.#secret, this.#config, this.#configV6]
  }

  #again(afterMs: number): void {
    const { wheel, clock } = this.#options
    if (this.#isClosed) return
    const at = clock.mono() + afterMs
    if (!this.#timer.isArmed || this.#timer.at > at) wheel.arm(this.#timer, at)
  }
}

class Kept<T> {
  value: T | undefined
  readonly #kind: FileKind<T>
  readonly #options: MiddleFilesOptions
  readonly #onFailed: () => void
  #file: Uint8Array | undefined
  #isFetching = false

  constructor(kind: FileKind<T>, options: MiddleFilesOptions, onFailed: () => void) {
    this.#kind = kind
    this.#options = options
    this.#onFailed = onFailed
  }

  /** `done` comes later, whatever the store has. */
  restore(done: () => void): void {
    this.#options.store.get(`middle-${this.#kind.what}`, (file) => {
      if (file !== undefined && this.value === undefined) this.#takeStored(file)
      done()
    })
  }

  refresh(): void {
    const { fetcher, settings } = this.#options
    const source = this.#kind.source(settings())
    if (source === '' || this.#isFetching) return
    this.#isFetching = true
    fetcher.fetch(source, FILE_MAX_BYTES, (result) => {
      this.#isFetching = false
      if ('bytes' in result) this.#take(result.bytes)
      else this.#tell('failed', result.why)
    })
  }

  #takeStored(file: Uint8Array): void {
    const { what, read } = this.#kind
    const value = read(file, undefined)
    if (typeof value === 'string') return
    this.value = value
    this.#file = file
    this.#options.emit({ kind: 'middle-config', what, result: 'restored', why: '' })
  }

  #take(file: Uint8Array): void {
    if (this.#file !== undefined && isSame(file, this.#file)) {
      this.#tell('unchanged', '')
      return
    }
    const { what, read } = this.#kind
    const value = read(file, this.value)
    if (typeof value === 'string') {
      this.#tell('refused', value)
      return
    }
    this.value = value
    this.#file = Uint8Array.from(file)
    this.#options.store.put(`middle-${what}`, this.#file)
    this.#tell('taken', '')
  }

  #tell(result: 'taken' | 'unchanged' | 'failed' | 'refused', why: string): void {
    if (result === 'failed' || result === 'refused') this.#onFailed()
    this.#options.emit({ kind: 'middle-config', what: this.#kind.what, result, why })
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
