import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadedConfig } from '../config/load.ts'
import type { Log } from '../observe/log.ts'
import { openPeer } from '../runtime/channel.ts'
import type { Closing } from '../runtime/closing.ts'
import { isAlive } from '../runtime/processes.ts'
import { spawnSelf } from '../runtime/spawn.ts'
import type { HelperFailure, HelperOrder, LabelFaults } from '../vault/helper/order.ts'
import { HelperWatch, WATCH_TICK_MS, type HelperHandle, type HelperWatchEvents } from '../vault/helper/watch.ts'
import type { PinWatch } from '../vault/pin-watch.ts'
import type { SecretFault } from '../vault/token.ts'
import type { Peer } from '../workers/peer.ts'
import { ConfigFault, OnlySealed, StartError } from './errors.ts'

/** A module that needs longer than this for one call hangs, whatever `hsm.operation_timeout` says. */
const SILENCE_MS_MIN = 5000
/** For a helper that was told to end. */
const END_MS = 2000

export interface HelperOptions {
  readonly loaded: LoadedConfig
  readonly log: Log
  readonly closing: Closing
  /** Monotonic ms. */
  readonly now: () => number
  readonly pin: PinWatch
}

interface Helper extends HelperHandle {
  readonly peer: Peer
  failure: HelperFailure | undefined
  end: Readonly<Record<string, string | number>>
}

/** The vault helper as the process sees it that starts it, watches it and starts it anew. */
export class HelperKeeper {
  /** Of the socket that processes of the proxy reach it by: the same one for every helper that we start. */
  readonly path: string
  readonly #options: HelperOptions
  readonly #watch: HelperWatch
  readonly #started = Promise.withResolvers<void>()
  #helper: Helper | undefined
  #onGone = () => {}

  private constructor(options: HelperOptions) {
    const { loaded, now } = options
    const { config } = loaded
    this.#options = options
    clearStale(config.state.path)
    this.path = join(config.state.path, socketName(process.pid))
    this.#watch = new HelperWatch({
      now,
      spawn: () => (this.#helper = this.#spawn()),
      silenceMs: Math.max(config.hsm.operation_timeout, SILENCE_MS_MIN),
      events: this.#events(),
    })
  }

  /** Settles when the helper has opened the token; rejects with a `StartError` where it cannot. */
  static async start(options: HelperOptions): Promise<HelperKeeper> {
    const keeper = new HelperKeeper(options)
    const watch = keeper.#watch
    watch.start()
    const ticking = setInterval(() => watch.tick(), WATCH_TICK_MS)
    options.closing.add(() => {
      clearInterval(ticking)
      return keeper.#end()
    })
    try {
      await keeper.#started.promise
    } catch (error) {
      // Whoever goes on without a helper has no use for its watch.
      clearInterval(ticking)
      throw error
    }
    return keeper
  }

  /** Undefined while there is none. */
  get pid(): number | undefined {
    return this.#watch.pid
  }

  /** What speaks against each of the labels; undefined where the helper cannot say. */
  async faultsOf(labels: readonly string[]): Promise<readonly (SecretFault | undefined)[] | undefined> {
    const answer = await this.#helper?.peer.ask('faults', labels)
    if (answer?.ok !== true || !Array.isArray(answer.value) || answer.value.length !== labels.length) return undefined
    return (answer.value as LabelFaults).map((fault) => fault ?? undefined)
  }

  #spawn(): Helper {
    const { file, text, sets, config } = this.#options.loaded
    const child = spawnSelf({
      args: ['vault-helper'],
      descriptors: [],
      onGone: (end) => {
        helper.end = end
        helper.peer.end()
        this.#onGone()
        // What refused the PIN once would refuse it again, or lock the token.
        this.#watch.heardGone(helper, this.#options.pin.isRefused)
      },
    })
    const peer = openPeer(child.channel, {
      services: {},
      notes: {
        ready: () => this.#watch.heardReady(helper),
        pong: () => this.#watch.heardPong(helper),
        failed: (failure) => (helper.failure = failure as HelperFailure),
      },
    })
    const helper: Helper = {
      ...{ peer, pid: child.pid, failure: undefined, end: {} },
      ping: () => peer.tell('ping'),
      kill: () => child.kill(),
    }
    const order: HelperOrder = { file, text, sets, stateFolder: config.state.path, path: this.path }
    peer.tell('begin', order)
    return helper
  }

  #events(): HelperWatchEvents {
    const { log, pin } = this.#options
    return {
      onReady: ({ pid }, isAgain) => {
        this.#started.resolve()
        if (isAgain) log.write('info', 'hsm.helper-back', 'Another vault helper has taken over', { pid })
      },
      onHung: ({ pid }) =>
        log.write('error', 'security.hsm.helper-hung', 'The vault helper does not answer, and is killed', { pid }),
      onGone: ({ pid }, afterMs) => {
        const { end, failure } = this.#helper ?? {}
        const fields = { pid, ...end, why: failure?.message, restart_in_ms: afterMs }
        log.write('error', 'security.hsm.helper-died', DIED, fields)
        if (pin.isRefused) log.write('error', 'hsm.pin-refused', PIN_REFUSED)
      },
      onStartFailed: () => this.#started.reject(faultOf(this.#helper)),
    }
  }

  /** It ends with its channel. */
  async #end(): Promise<void> {
    const helper = this.#watch.pid === undefined ? undefined : this.#helper
    this.#watch.stop()
    if (helper !== undefined)
      await new Promise<void>((done) => {
        const limit = setTimeout(() => helper.kill(), END_MS)
        this.#onGone = () => {
          clearTimeout(limit)
          done()
        }
        helper.peer.end()
      })
    // One that was killed has left it there.
    rmSync(this.path, { force: true })
  }
}

const DIED = 'The vault helper is gone: users of the HSM go to the mask host until there is another one'
const PIN_REFUSED = 'The HSM refused the PIN, which is not tried again before the next start'

function faultOf(helper: Helper | undefined): StartError {
  const { failure, end = {} } = helper ?? {}
  if (failure?.problems !== undefined) {
    const { problems, onlySealed } = failure
    return onlySealed === undefined ? new ConfigFault(problems) : new OnlySealed(problems, onlySealed)
  }
  const how = Object.entries(end).map(([name, value]) => `${name} ${value}`)
  return new StartError(failure?.message ?? `the vault helper ended before it was ready (${how.join(', ')})`)
}

function socketName(pid: number): string {
  return `vault-${pid}.sock`
}

/** Sockets of processes that were killed: their helpers went with them. */
function clearStale(folder: string): void {
  for (const name of readFolder(folder)) {
    const pid = /^vault-(\d+)\.sock$/.exec(name)?.[1]
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, name), { force: true })
  }
}

function readFolder(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // It is made when something is put there.
    return []
  }
}
