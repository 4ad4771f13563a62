import { inspectionServices } from '../admin/inspect.ts'
import type { LoadedConfig } from '../config/load.ts'
import { load } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import type { Log } from '../observe/log.ts'
import { openPeer } from '../runtime/channel.ts'
import { Closing } from '../runtime/closing.ts'
import { createRuntime } from '../runtime/index.ts'
import { CHANNEL_FD } from '../runtime/inherited.ts'
import { adoptListenSocket } from '../runtime/listen-sockets.ts'
import { sharedFolder } from '../runtime/shared-memory.ts'
import { PULSE_MS, type Pulse, type WorkerOrder } from '../workers/order.ts'
import { RemoteStore } from '../workers/store.ts'
import { StartError } from './errors.ts'
import { farewell } from './farewell.ts'
import { reachLibc } from './listening.ts'
import { serve, type Serving } from './serving.ts'

/**
 * A worker process: does what the supervisor at the other end of the channel tells it. Settles when it has ended, true when
 * it had been ready. Without its supervisor it drains and ends.
 */
export async function work(createLog: (loaded: LoadedConfig, column: number) => Log): Promise<boolean> {
  const ending = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<WorkerOrder>()
  let serving: Serving | undefined
  // What the supervisor tells before we are ready holds afterwards.
  let wish: 'serve' | 'drain' | 'stop' = 'serve'
  const obey = () => {
    if (wish === 'stop') ending.resolve()
    else if (wish === 'drain') serving?.drain(ending.resolve)
  }
  const runtime = createRuntime()
  const channel = runtime.openChannel(CHANNEL_FD)
  const peer = openPeer(channel, {
    services: {
      status: () => begunServing(serving).status(),
      metrics: () => begunServing(serving).metrics.snapshot(),
      ...inspectionServices(() => begunServing(serving).inspection),
      reload: (args) => reloadTo(begunServing(serving), (args as { text: string }).text, texts),
    },
    notes: {
      begin: (order) => begun.resolve(order as WorkerOrder),
      drain: () => {
        wish = wish === 'stop' ? 'stop' : 'drain'
        obey()
      },
      stop: () => {
        wish = 'stop'
        obey()
      },
    },
    onEnd: () => {
      begun.reject(new StartError('the supervisor is gone'))
      wish = wish === 'stop' ? 'stop' : 'drain'
      obey()
    },
  })
  const closing = new Closing()
  const texts = { current: '' }
  try {
    const order = await begun.promise
    texts.current = order.text
    const loaded = loadText(order, order.text)
    const log = createLog(loaded, order.place.column)
    const memory = runtime.openSharedMemory(sharedFolder(order.stateFolder))
    // The supervisor says that the regions are whole, when all of us are gone.
    closing.add(() => memory.close(false))
    const libc = reachLibc(runtime)
    serving = await serve({
      ...{ loaded, log, runtime, memory, closing },
      reread: () => load({ ...order, text: texts.current }),
      store: new RemoteStore(peer),
      sockets: order.addresses.map((_, i) => adopted(adoptListenSocket(libc, CHANNEL_FD + 1 + i))),
      listening: order.listening,
      worker: order.place,
      // The supervisor looks after both.
      deadColumns: [],
      keepsBans: false,
      isAlone: false,
      provider: order.provider,
      helperAt: order.helperAt,
    })
    if (order.current !== order.text) await reloadTo(serving, order.current, texts)
  } catch (error) {
    peer.tell('failed', error instanceof StartError ? error.message : String((error as Error).stack))
    closing.run()
    await closing.done
    await farewell(channel)
    return false
  }
  const pulsing = setInterval(() => void tellPulse(), PULSE_MS)
  const tellPulse = async () => {
    const pulse: Pulse = {
      status: begunServing(serving).status(),
      metrics: await begunServing(serving).metrics.snapshot(),
    }
    peer.tell('pulse', pulse)
  }
  peer.tell('ready')
  void tellPulse()
  obey()
  await ending.promise
  clearInterval(pulsing)
  closing.run()
  await closing.done
  await tellPulse()
  await farewell(channel)
  return true
}

function begunServing(serving: Serving | undefined): Serving {
  if (serving === undefined) throw new Error('still starting')
  return serving
}

async function reloadTo(serving: Serving, text: string, texts: { current: string }): Promise<void> {
  texts.current = text
  const result = await serving.reload()
  if (!result.ok) throw new StartError(result.problems.join('; '))
}

/** Throws a `StartError`: a key file may have gone since the supervisor read it. */
function loadText(order: WorkerOrder, text: string): LoadedConfig {
  const result = load({ ...order, text })
  if ('problems' in result) throw new StartError(result.problems.map(formatProblem).join('; '))
  return result
}

function adopted<T>(socket: T | undefined): T {
  if (socket === undefined) throw new StartError('a socket of the supervisor does not listen')
  return socket
}
