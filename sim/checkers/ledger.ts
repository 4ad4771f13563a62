import type { ProxyEvent } from '../../src/core/events.ts'
import type { Address } from '../../src/core/ports.ts'

/** Which connections of the running process were accepted from where, and which of them were let in. */
export class Ledger {
  readonly #byId = new Map<number, string>()
  readonly #authenticated = new Set<string>()
  readonly #moved = new Set<string>()

  /** Feed it every event; gives the peer's address of the event's connection. */
  take(event: ProxyEvent): string | undefined {
    if (!('connection' in event)) return undefined
    if (event.kind === 'accepted') this.#byId.set(event.connection, keyOf(event.client))
    const address = this.#byId.get(event.connection)
    if (event.kind === 'authenticated' && address !== undefined) this.#authenticated.add(address)
    if (event.kind === 'migrated' && address !== undefined) this.#moved.add(address)
    return address
  }

  /** Whether the connection from there was ever let in. */
  isAuthenticated(address: string): boolean {
    return this.#authenticated.has(address)
  }

  /** Whether it went on on another link: answers on their way over the first may be lost, and its DC would send them again. */
  hasMoved(address: string): boolean {
    return this.#moved.has(address)
  }

  crashed(): void {
    this.#byId.clear()
  }
}

export function keyOf(address: Address): string {
  return `${address.ip}|${address.port}`
}
