import type { Status } from './admin/commands.ts'
import { Desk, type AskAll } from './admin/desk.ts'
import type { LoadedConfig, LoadResult } from './config/load.ts'
import type { Address, Clock } from './core/ports.ts'
import type { Log } from './observe/log.ts'
import { Closing } from './runtime/closing.ts'
import { createRuntime } from './runtime/index.ts'
import type { Inherited } from './runtime/inherited.ts'
import { sharedFolder } from './runtime/shared-memory.ts'
import { ColumnBook } from './start/columns.ts'
import { StartError } from './start/errors.ts'
import { Front } from './start/front.ts'
import { duplicatesOf, openSockets } from './start/listening.ts'
import { openStateKey } from './start/seal.ts'
import { serve, type Serving } from './start/serving.ts'
import { announce, identityOf, sumOf, usersOf } from './start/status.ts'
import { relieve, Succession } from './start/succession.ts'

export { StartError } from './start/errors.ts'

export interface StartOptions {
  readonly log: Log
  /** Reads the configuration again, for a reload. */
  readonly reread: () => LoadResult
  /** What we were given at our start. */
  readonly inherited: Inherited
}

export interface RunningProxy {
  /** As bound. */
  readonly listening: readonly Address[]
  /** Applies every hot key, names cold keys that changed; a configuration with problems changes nothing. */
  reload(): void
  /** Stops accepting and lets live connections run on for `listen.drain_timeout`. Harmless when called again. */
  drain(): void
  /** Ends everything at once. Harmless when called again. */
  stop(): void
  /** Starts the program anew, as it is on the disk now, on our sockets; we drain when it is ready. */
  succeed(): void
  /** Settles when everything is closed, by `drain` or by `stop`. */
  readonly stopped: Promise<void>
}

/** Configuration and adapters in, a proxy of one process out. Throws `StartError`, and leaves nothing open then. */
export async function start(loaded: LoadedConfig, options: StartOptions): Promise<RunningProxy> {
  const closing = new Closing()
  try {
    return await open(loaded, options, closing)
  } catch (error) {
    closing.run()
    await closing.done
    throw error
  }
}

/** Old and new overlap when a new version takes over. */
const COLUMNS_ALONE = 2

async function open(
  loaded: LoadedConfig,
  { log, reread, inherited }: StartOptions,
  closing: Closing,
): Promise<RunningProxy> {
  const { config } = loaded
  const runtime = createRuntime()
  const sockets = openSockets({ runtime, loaded, slots: 1, inherited, log })
  closing.add(() => sockets.close())
  const seal = openStateKey(loaded)
  const front = new Front({ runtime, config, seal, log })
  const predecessor = await relieve(runtime, inherited, front)
  closing.add(() => predecessor?.end())

  await front.openStore()
  closing.add(() => front.closeStore())
  // What a successor uses is not ours to declare whole.
  let isSucceeded = false
  const columns: ColumnBook = new ColumnBook(config.state.path, COLUMNS_ALONE, {
    gone: (gone) => serving.proxy.takeBack(gone),
  })
  const deadColumns = columns.unused
  const column = takeOwnColumn(columns)
  const looking = setInterval(() => columns.look(), LOOK_MS)
  closing.add(() => clearInterval(looking))
  const memory = runtime.openSharedMemory(sharedFolder(config.state.path))
  closing.add(() => memory.close(!isSucceeded && !columns.hasForeign))

  const serving: Serving = await serve({
    ...{ loaded, reread, log, runtime, memory, closing },
    store: front.store,
    sockets: duplicatesOf(runtime, sockets.slot(0)),
    listening: sockets.addresses,
    worker: { column, columns: columns.count },
    deadColumns,
    keepsBans: true,
    isAlone: true,
  })
  const { listening } = serving
  serving.metrics.addUsers(() => serving.proxy.users())
  const startedAt = runtime.clock.mono()
  const status = (): Status => ({
    ...identityOf({ live: serving.live, runtime, listening, secrets: serving.secrets, metricsAt: front.metricsAt }),
    ...sumOf([serving.status()]),
    users: usersOf(serving.proxy.users()),
    state: serving.proxy.isDraining ? 'draining' : 'running',
    uptime_sec: Math.floor((runtime.clock.mono() - startedAt) / 1000),
  })
  const stop = closing.run
  const drain = () => {
    sockets.close()
    serving.drain(stop)
  }
  const succession = new Succession({
    ...{ front, sockets, columns, log },
    isBusy: () => serving.proxy.isDraining,
    onDone: () => {
      isSucceeded = true
      drain()
    },
  })
  closing.add(() => succession.abandon())
  const { reload } = serving
  const restart = () => 'one process alone cannot be replaced in turns: set listen.workers, or send it SIGUSR2'
  closing.add(() => front.closeDesk())
  await front.openDesk({
    control: { status, reload, drain, restart, desk: deskOf(serving, runtime.clock, column) },
    metrics: serving.metrics,
  })
  announce(log, { runtime, loaded, listening, metricsAt: front.metricsAt, workers: 1 })
  predecessor?.tell('ready')
  const stopped = closing.done.then(() => log.write('info', 'stopped', 'Palisade stopped'))
  return { listening, reload: () => void reload(), drain, stop, succeed: () => succession.begin(), stopped }
}

const LOOK_MS = 1000

/** One process asks itself. */
function deskOf({ proxy, live, inspection, events }: Serving, clock: Clock, column: number): Desk {
  const { banKeeper: keeper, guard } = proxy
  if (keeper === undefined) throw new StartError('one process alone keeps its bans')
  const askAll: AskAll = (name, query) =>
    Promise.resolve([{ column, value: inspection[name](query as never) as never }])
  const settings = () => live.prepared.settings.guard
  const note = events.note.bind(events)
  return new Desk({ guard, keeper, clock, settings, askAll, note, events: undefined })
}

function takeOwnColumn(columns: ColumnBook): number {
  const column = columns.take()
  if (column === undefined) throw new StartError('older processes with the same state still drain: end them first')
  columns.note(column, process.pid)
  return column
}
