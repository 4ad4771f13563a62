import type { Address, Connection, DialFailure, Handler, NameAnswer, Network, Resolver } from '../core/ports.ts'
import type { ListenError, RuntimeNetwork } from '../runtime/index.ts'

/** Takes what comes and says nothing. */
class Silent implements Handler {
  onData(): void {}
  onDrain(): void {}
  onEnd(): void {}
  onClose(): void {}
}

/** Connects and closes again; undefined when it was possible within the time. */
export function connectWithin(network: Network, address: Address, timeoutMs: number): Promise<DialFailure | undefined> {
  return new Promise((resolve) => {
    const attempt = network.dial(address, {
      onOpen: (connection: Connection) => {
        clearTimeout(limit)
        setImmediate(() => connection.close())
        resolve(undefined)
        return new Silent()
      },
      onFail: (why) => {
        clearTimeout(limit)
        resolve(why)
      },
    })
    const limit = setTimeout(() => {
      attempt.cancel()
      resolve('timeout')
    }, timeoutMs)
  })
}

/** What the resolver says of a name, within the time. */
export function resolveWithin(resolver: Resolver, host: string, timeoutMs: number): Promise<NameAnswer> {
  return new Promise((resolve) => {
    const limit = setTimeout(() => resolve({ kind: 'failed', why: 'no answer in time' }), timeoutMs)
    resolver.query(host, (answer) => {
      clearTimeout(limit)
      resolve(answer)
    })
  })
}

/** Binds and closes again; undefined when it was possible. */
export function canListen(network: RuntimeNetwork, { ip, port }: Address): Promise<ListenError | undefined> {
  return new Promise((resolve) => {
    network.listen(
      { host: ip, port, backlog: 1 },
      (connection) => {
        setImmediate(() => connection.close())
        return new Silent()
      },
      (result) => {
        if ('error' in result) return resolve(result.error)
        result.close()
        resolve(undefined)
      },
    )
  })
}
