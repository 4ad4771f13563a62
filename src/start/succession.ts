import type { Log } from '../observe/log.ts'
import { openPeer } from '../runtime/channel.ts'
import { CHANNEL_FD, HANDOVER_VARIABLE, handoverValue, type Inherited } from '../runtime/inherited.ts'
import type { Runtime } from '../runtime/index.ts'
import type { ListenSockets } from '../runtime/listen-sockets.ts'
import { spawnSelf, type SelfProcess } from '../runtime/spawn.ts'
import type { Peer } from '../workers/peer.ts'
import { storeServices } from '../workers/store.ts'
import { StartError } from './errors.ts'
import type { ColumnBook } from './columns.ts'
import type { Front } from './front.ts'

/**
 * A new version of the program takes over from the one that runs, by SIGUSR2, without losing a connection:
 *
 *   old: starts new, with all sockets and a channel
 *   new: reads the configuration, asks for the front        old: closes store, admin socket and metrics
 *   new: opens them, starts its workers, says "ready"       old: drains; uses the store through new
 *
 * When new ends before it is ready, old takes everything back and goes on.
 */

/** For a whole start, until it is ready. */
const START_MS = 60_000

export interface SuccessionOptions {
  readonly front: Front
  readonly sockets: ListenSockets
  readonly log: Log
  readonly columns: ColumnBook
  /** Not now. */
  readonly isBusy?: () => boolean
  /** From the moment the successor gives columns out, until it is gone. */
  readonly onHeld?: (isHeld: boolean) => void
  /** The successor has taken over: nothing that it shares with us is ours to close any more. */
  readonly onDone: () => void
}

/** The side of the old one. */
export class Succession {
  readonly #options: SuccessionOptions
  #state: 'none' | 'starting' | 'done' = 'none'
  #child: SelfProcess | undefined

  constructor(options: SuccessionOptions) {
    this.#options = options
  }

  /** Starts the successor; ignored while one is starting. */
  begin(): void {
    const { front, sockets, columns, log, onDone, onHeld, isBusy } = this.#options
    if (this.#state !== 'none') return
    if (isBusy?.() === true)
      return log.write('warn', 'upgrade.refused', 'Workers are being replaced, or we are draining: ask again later')
    this.#state = 'starting'
    const descriptors = sockets.all.map(({ fd }) => fd)
    let hasGivenUp: Promise<void> | undefined
    const child = spawnSelf({
      args: process.argv.slice(2),
      descriptors,
      env: { [HANDOVER_VARIABLE]: handoverValue(descriptors.length) },
      onGone: (why) => {
        clearTimeout(limit)
        peer.end()
        if (this.#state === 'done') return
        log.write('error', 'upgrade.failed', 'The new version did not start; this one goes on', why)
        void this.#takeBack(hasGivenUp)
      },
    })
    this.#child = child
    const limit = setTimeout(() => child.kill(), START_MS)
    const peer: Peer = openPeer(child.channel, {
      services: {
        'give-up': () => {
          onHeld?.(true)
          columns.leave()
          return (hasGivenUp ??= front.giveUp()).then(() => true)
        },
      },
      notes: {
        ready: () => {
          if (this.#state !== 'starting') return
          clearTimeout(limit)
          this.#state = 'done'
          front.handOver(peer)
          log.write('info', 'upgrade.done', 'The new version has taken over', { pid: child.pid })
          onDone()
        },
      },
    })
    log.write('info', 'upgrade.began', 'Starting the program anew on our sockets', { pid: child.pid })
  }

  /** We end: a successor that is still starting would find nothing to take over. */
  abandon(): void {
    if (this.#state === 'starting') this.#child?.kill()
  }

  async #takeBack(hasGivenUp: Promise<void> | undefined): Promise<void> {
    const { front, columns, log, onHeld } = this.#options
    try {
      await hasGivenUp
      if (hasGivenUp !== undefined) {
        columns.comeBack()
        onHeld?.(false)
        await front.takeBack()
      }
    } catch (error) {
      log.write('error', 'upgrade.broken', (error as Error).message)
    }
    this.#state = 'none'
  }
}

/** The side of the new one: undefined when we take over from nobody. Rejects with a `StartError` when it gives nothing. */
export async function relieve(runtime: Runtime, inherited: Inherited, front: Front): Promise<Peer | undefined> {
  if (inherited.from !== 'predecessor') return undefined
  const peer = openPeer(runtime.openChannel(CHANNEL_FD), { services: storeServices(front.store), notes: {} })
  const answer = await peer.ask('give-up')
  if (answer.ok) return peer
  peer.end()
  throw new StartError(`the process that we take over from gave nothing up: ${answer.why}`)
}
