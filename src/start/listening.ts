import type { LoadedConfig } from '../config/load.ts'
import type { Connection, Handler } from '../core/ports.ts'
import type { Log } from '../observe/log.ts'
import type { Listener, ListenError, Runtime } from '../runtime/index.ts'
import type { Inherited } from '../runtime/inherited.ts'
import type { Libc } from '../runtime/libc.ts'
import { duplicate, ListenSockets, type ListenSocket } from '../runtime/listen-sockets.ts'
import { StartError } from './errors.ts'

export interface SocketOptions {
  readonly runtime: Runtime
  readonly loaded: LoadedConfig
  readonly slots: number
  readonly inherited: Inherited
  readonly log: Log
}

/** The sockets of `listen.address`, those that were handed over among them. Throws a `StartError`. */
export function openSockets({ runtime, loaded, slots, inherited, log }: SocketOptions): ListenSockets {
  const { address: addresses, backlog } = loaded.config.listen
  const sockets = ListenSockets.open(reachLibc(runtime), {
    ...{ addresses, slots, backlog },
    inherited: inherited.sockets,
    isInheritedAll: inherited.from === 'service-manager',
    onSkipped: (message) => log.write('warn', 'listen.skipped', message),
  })
  if ('error' in sockets) throw new StartError(sockets.error)
  return sockets
}

/** Accepts on `sockets`, which are the listeners' from now on. Rejects with a `StartError`. */
export async function listenOn(
  runtime: Runtime,
  sockets: readonly ListenSocket[],
  backlog: number,
  accept: (connection: Connection) => Handler,
): Promise<Listener[]> {
  const listeners: Listener[] = []
  for (const { fd, address } of sockets) {
    const options = { host: address.ip, port: address.port, backlog, fd }
    const result = await new Promise<Listener | { readonly error: ListenError }>((resolve) =>
      runtime.network.listen(options, accept, resolve),
    )
    if ('error' in result) {
      for (const listener of listeners) listener.close()
      throw new StartError(result.error.message)
    }
    listeners.push(result)
  }
  return listeners
}

/** Descriptors of our own for a slot's sockets: they can be closed while the queues stay. */
export function duplicatesOf(runtime: Runtime, sockets: readonly ListenSocket[]): ListenSocket[] {
  return sockets.map(({ fd, address }) => ({ fd: duplicate(reachLibc(runtime), fd), address }))
}

/** The C library is the operator's to supply. */
export function reachLibc(runtime: Runtime): Libc {
  try {
    return runtime.libc()
  } catch (error) {
    throw new StartError((error as Error).message)
  }
}
