import type { ProxyEvent } from '../../src/core/events.ts'
import type { Address } from '../../src/core/ports.ts'

/** Which connections of the running process were accepted from where, and which of them were let in. */
export class Ledger {
  readonly #byId = new Map<number, string>()
  readonly #authenticated = new Set<string>()

  /** Feed it every event; gives the peer's address of the event's connection. */
  take(event: ProxyEvent): string | undefined {
    if (!('connection' in event)) return undefined
    if (event.kind === 'accepted') this.#byId.set(event.connection, keyOf(event.client))
    const address = this.#byId.get(event.connection)
    if (event.kind === 'authenticated' && address !== undefined) this.#authenticated.add(address)
    return address
  }

  /** Whether the connection from there was ever let in. */
  isAuthenticated(address: string): boolean {
    return this.#authenticated.has(address)
  }

  crashed(): void {
    this.#byId.clear()
  }
}

export function keyOf(address: Address): string {
  return `${address.ip}|${address.port}`
}
