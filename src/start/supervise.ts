import type { Status } from '../admin/commands.ts'
import { Desk } from '../admin/desk.ts'
import { LiveConfig, type ReloadResult } from '../config/live.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { RunningProxy, StartOptions } from '../main.ts'
import type { Log } from '../observe/log.ts'
import { MergedMetrics } from '../observe/merge.ts'
import { SecurityEvents } from '../observe/security-events.ts'
import { Closing } from '../runtime/closing.ts'
import type { Emit, ProxyEvent } from '../core/events.ts'
import { TableKeeper } from '../core/guard/table-keeper.ts'
import type { Store } from '../core/ports.ts'
import { createRuntime, type Runtime } from '../runtime/index.ts'
import { markClean, sharedFolder } from '../runtime/shared-memory.ts'
import { ColumnBook } from './columns.ts'
import { Crew } from './crew.ts'
import { Front } from './front.ts'
import { openSockets } from './listening.ts'
import { openStateKey } from './seal.ts'
import { announce, identityOf, usersOf } from './status.ts'
import { relieve, Succession } from './succession.ts'
import { openSecrets, type Secrets } from './vault.ts'

const LOOK_MS = 1000

/**
 * A proxy of `count` worker processes. This one holds what there can be one of (sockets, store, admin socket, metrics) and
 * relays nothing itself. Throws `StartError`, and leaves nothing open then.
 */
export async function supervise(loaded: LoadedConfig, count: number, options: StartOptions): Promise<RunningProxy> {
  const closing = new Closing()
  try {
    return await open(loaded, count, options, closing)
  } catch (error) {
    closing.run()
    await closing.done
    throw error
  }
}

async function open(
  loaded: LoadedConfig,
  count: number,
  { log, reread, inherited }: StartOptions,
  closing: Closing,
): Promise<RunningProxy> {
  const { config } = loaded
  const runtime = createRuntime()
  const mono = () => runtime.clock.mono()
  const sockets = openSockets({ runtime, loaded, slots: count, inherited, log })
  closing.add(() => sockets.close())
  const memory = runtime.openSharedMemory(sharedFolder(config.state.path))
  closing.add(() => memory.close(false))
  // A module is one to a process: its other use comes after this one.
  const seal = openStateKey(loaded)
  const wall = () => runtime.clock.wall()
  const events = new SecurityEvents({ mono, wall, addresses: config.log.addresses })
  const emit = (event: ProxyEvent) => {
    log.emit(event)
    events.emit(event)
  }
  // Workers log in by themselves, or use the helper that is started here. A PIN or a label that is wrong is found out here first.
  const { random } = runtime
  const secrets = await openSecrets({ loaded, log, closing, memory, random, now: mono, wall, isFirst: true, emit })
  const front = new Front({ runtime, config, seal, log })
  const predecessor = await relieve(runtime, inherited, front)
  closing.add(() => predecessor?.end())

  await front.openStore()
  closing.add(() => front.closeStore())
  // What a successor uses is not ours to declare whole.
  let isSucceeded = false
  // Old and new workers overlap while they are replaced.
  const columns: ColumnBook = new ColumnBook(config.state.path, 2 * count, {
    gone: (column) => keeper.takeBack(column),
  })
  const looking = setInterval(() => columns.look(), LOOK_MS)
  closing.add(() => clearInterval(looking))
  closing.add(() => {
    if (!isSucceeded && !columns.hasForeign) markClean(sharedFolder(config.state.path))
  })

  const live = new LiveConfig(loaded, () => secrets.check(reread()))
  secrets.give(live.prepared)
  const keeper = await keepTables({ runtime, config, live, store: front.store, columns, emit })
  closing.add(() => keeper.close())
  const keeping = setInterval(() => keeper.tick(), LOOK_MS)
  closing.add(() => clearInterval(keeping))
  const metrics = new MergedMetrics((): number => crew.size)
  metrics.addUsers(() => keeper.users())
  const listening = sockets.addresses
  const crew: Crew = new Crew({
    slots: count,
    live,
    listening,
    sockets,
    store: front.store,
    columns,
    metrics,
    mono,
    log,
    provider: secrets.provider,
    helperAt: secrets.helperAt,
  })
  closing.add(() => crew.stop())
  crew.start()
  await crew.started

  let isDraining = false
  const startedAt = mono()
  const status = async (): Promise<Status> => ({
    ...identityOf({ live, runtime, listening, secrets, metricsAt: front.metricsAt }),
    ...(await crew.status()),
    users: usersOf(keeper.users()),
    state: isDraining ? 'draining' : 'running',
    uptime_sec: Math.floor((mono() - startedAt) / 1000),
  })
  const reload = () => reloadAll({ live, secrets, crew, metrics, log })
  const stop = closing.run
  const drain = () => {
    if (isDraining) return
    isDraining = true
    log.write('info', 'drain.began', 'Draining: no new connections')
    sockets.close()
    crew.drain()
  }
  void crew.ended.then(stop)
  const succession = new Succession({
    ...{ front, sockets, columns, log },
    isBusy: () => isDraining || crew.isRestarting,
    onHeld: (isHeld) => (crew.isHeld = isHeld),
    onDone: () => {
      isSucceeded = true
      drain()
    },
  })
  closing.add(() => succession.abandon())
  const restart = () => (crew.restart() ? undefined : 'workers are being replaced already, or we are draining')
  closing.add(() => front.closeDesk())
  const { contentType } = metrics
  const text = async () => metrics.text(await crew.snapshots())
  const desk = new Desk({
    ...{ guard: keeper.guard, keeper: keeper.banKeeper, clock: runtime.clock, events },
    note: (one) => events.note(one),
    settings: () => live.prepared.settings.guard,
    askAll: (name, query) => crew.inspectAll(name, query),
  })
  await front.openDesk({ control: { status, reload, drain, restart, desk }, metrics: { contentType, text } })
  announce(log, { runtime, loaded, listening, metricsAt: front.metricsAt, workers: count })
  predecessor?.tell('ready')
  const stopped = closing.done.then(() => log.write('info', 'stopped', 'Palisade stopped'))
  return { listening, reload: () => void reload(), drain, stop, succeed: () => succession.begin(), stopped }
}

interface KeptBy {
  readonly runtime: Runtime
  readonly config: LoadedConfig['config']
  readonly live: LiveConfig
  readonly store: Store
  readonly columns: ColumnBook
  readonly emit: Emit
}

/** The tables that all workers share, as far as the disk knows them. */
function keepTables({ runtime, config, live, store, columns, emit }: KeptBy): Promise<TableKeeper> {
  const { clock, random } = runtime
  const memory = runtime.openSharedMemory(sharedFolder(config.state.path))
  const keeper = new TableKeeper({
    ...{ memory, store, clock, random, columns: columns.count },
    emit,
    settings: () => live.prepared.settings,
  })
  for (const column of columns.unused) keeper.takeBack(column)
  return new Promise((resolve) => keeper.start(() => resolve(keeper)))
}

interface Parts {
  readonly live: LiveConfig
  readonly secrets: Secrets
  readonly crew: Crew
  readonly metrics: MergedMetrics
  readonly log: Log
}

/** Looked at here first, so that one answer holds for all; then every worker reads the very same text. */
async function reloadAll({ live, secrets, crew, metrics, log }: Parts): Promise<ReloadResult> {
  const result = await live.reload((prepared, { config }) => {
    secrets.give(prepared)
    secrets.forget(prepared.removed)
    log.level = config.log.level
  })
  metrics.reloaded(result.ok ? 'applied' : 'refused')
  if (!result.ok) {
    const { problems } = result
    log.write('error', 'reload.refused', 'The new configuration has problems; the old one stays', { problems })
    return result
  }
  const answers = await crew.askAll('reload', { text: live.loaded.text })
  const failed = answers.flatMap(({ worker, answer }) => {
    // One that starts was told the text before, one that drains takes no newcomers.
    if (answer.ok || worker.state !== 'running') return []
    return [`worker ${worker.column} (pid ${worker.handle.pid}) did not take it over: ${answer.why}`]
  })
  if (failed.length > 0) {
    log.write('error', 'reload.partial', 'Not every worker took the new configuration over', { problems: failed })
    return { ok: false, problems: failed }
  }
  log.write('info', 'reload.applied', 'Configuration reloaded', { applied: result.applied, cold: result.cold })
  if (result.cold.length > 0)
    log.write('warn', 'reload.cold', 'Changed keys that wait for the next start', { keys: result.cold })
  return result
}
