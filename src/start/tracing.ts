import { isAbsolute } from 'node:path'
import { assert } from '../core/assert.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { ProxyEvent } from '../core/events.ts'
import { formatPrefix } from '../core/guard/sources/prefix.ts'
import type { Clock, Random, WorkerPlace } from '../core/ports.ts'
import { toHex } from '../core/protocol/bytes.ts'
import type { Proxy } from '../core/proxy.ts'
import type { Settings } from '../core/settings.ts'
import type { Log } from '../observe/log.ts'
import { PrefixCipher } from '../observe/trace/prefix-cipher.ts'
import { keyIdOf, recordConfig } from '../observe/trace/recorded.ts'
import { TraceRecorder, type Standing, type StandingBan } from '../observe/trace/recorder.ts'
import type { TraceCounts } from '../observe/trace-metrics.ts'
import { TraceFile } from '../runtime/trace-file.ts'
import { openTraceKey } from '../runtime/trace-key.ts'
import { VERSION } from '../version.ts'

export interface TracingOptions {
  readonly log: Log
  readonly clock: Clock
  readonly random: Random
  readonly worker: WorkerPlace
  /** Whether there is no other process of this proxy. */
  readonly isAlone: boolean
}

interface Open {
  readonly path: string
  readonly cipher: PrefixCipher
  readonly recorder: TraceRecorder
  readonly file: TraceFile
}

const RUN_BYTES = 8

/** The trace of one process: on and off as the configuration says, with what it needs of the world. */
export class Tracing {
  readonly #options: TracingOptions
  readonly #run: string
  #keep = 1
  #open: Open | undefined
  /** Of files that are not written any more. */
  readonly #past: TraceCounts = { records: 0, bytes: 0, lost: 0 }
  #ending: Promise<void> = Promise.resolve()

  constructor(options: TracingOptions) {
    this.#options = options
    this.#run = toHex(options.random.fill(new Uint8Array(RUN_BYTES)))
  }

  get counts(): Readonly<TraceCounts> {
    const sum = { ...this.#past }
    add(sum, this.#open?.recorder.counts)
    return sum
  }

  readonly emit = (event: ProxyEvent): void => this.#open?.recorder.emit(event)

  /** What holds from now on; at the start, and after every reload. */
  apply({ config }: LoadedConfig, settings: Settings, proxy: Proxy): void {
    const { path, rotate, keep } = config.trace
    this.#keep = keep
    const wanted = path === '' ? '' : this.#nameOf(path)
    if (this.#open !== undefined && this.#open.path !== wanted) this.#stop()
    if (wanted === '') return
    const used = new Map([...proxy.users()].map(({ name, quota }) => [name, quota?.usedBytes ?? 0]))
    const standing = (cipher: PrefixCipher): Standing => ({
      config: recordConfig(
        settings,
        (ip) => cipher.encrypt(ip),
        (name) => used.get(name) ?? 0,
      ),
      users: new Map(settings.secrets.map(({ id }, at) => [id, at])),
    })
    if (this.#open === undefined) this.#begin(wanted, config.state.path, rotate, standing, proxy)
    else {
      this.#open.recorder.rotateBytes = rotate
      this.#open.recorder.configure(standing(this.#open.cipher))
    }
  }

  tick(): void {
    this.#open?.recorder.tick()
  }

  /** Nothing may be emitted behind it. */
  async close(): Promise<void> {
    this.#stop()
    await this.#ending
  }

  #begin(
    path: string,
    stateFolder: string,
    rotateBytes: number,
    standing: (cipher: PrefixCipher) => Standing,
    proxy: Proxy,
  ): void {
    assert(isAbsolute(path), 'paths of a configuration are absolute')
    const { log, clock, random, worker } = this.#options
    let key: Uint8Array
    try {
      key = openTraceKey(stateFolder, random)
    } catch (error) {
      log.write('error', 'trace.failed', 'No trace: there is no key for its addresses', {
        why: (error as Error).message,
      })
      return
    }
    const cipher = new PrefixCipher(key)
    const file = new TraceFile({
      ...{ path, keep: () => this.#keep, after: this.#ending },
      onTrouble: (why) =>
        why === undefined
          ? log.write('info', 'trace.back', 'The trace is written again', { path })
          : log.write('warn', 'trace.failed', 'The trace cannot be written', { path, why }),
    })
    const recorder = new TraceRecorder({
      ...{ sink: file, cipher, rotateBytes, standing: standing(cipher) },
      about: { version: VERSION, worker: worker.column, run: this.#run, keyId: keyIdOf(key) },
      mono: () => clock.mono(),
      wall: () => clock.wall(),
      bans: () => bansOf(proxy, clock.mono()),
    })
    this.#open = { path, cipher, recorder, file }
    log.write('info', 'trace.began', 'Recording connection events', { path })
  }

  #stop(): void {
    if (this.#open === undefined) return
    const { recorder, file } = this.#open
    recorder.end()
    add(this.#past, recorder.counts)
    this.#open = undefined
    const before = this.#ending
    this.#ending = file.close().then(() => before)
  }

  /** A process that takes over from another one has another column while both run. */
  #nameOf(path: string): string {
    const { isAlone, worker } = this.#options
    return isAlone && worker.column === 0 ? path : `${path}.w${worker.column}`
  }
}

function* bansOf({ guard }: Proxy, nowMs: number): Generator<StandingBan> {
  for (const { prefix, untilMs, times, reason } of guard.bans.list())
    if (untilMs > nowMs) yield { prefix: formatPrefix(prefix), reason, forMs: untilMs - nowMs, times }
}

function add(sum: TraceCounts, more: Readonly<TraceCounts> | undefined): void {
  if (more === undefined) return
  sum.records += more.records
  sum.bytes += more.bytes
  sum.lost += more.lost
}
