import type { UserRefusal } from '../../events.ts'
import type { Random, SharedMemory, WorkerPlace } from '../../ports.ts'
import type { UserLimits } from '../../settings.ts'
import { prefixInto, sourceTag } from '../sources/prefix.ts'
import { SourceKey } from '../sources/source-key.ts'
import { AddressTable } from './address-table.ts'
import { UserRows } from './rows.ts'

/** What one connection holds of its user's limits; nothing while `row` is below 0. Given back once, by `give`. */
export class Place {
  row = -1
  /** -1: its address is not counted, as there was no room to. */
  address = -1
}

export interface PlacesOptions {
  readonly memory: SharedMemory
  readonly random: Random
  readonly worker: WorkerPlace
  /** Pairs of user and address with connections that there is room for; a power of two, at least 64. */
  readonly entries: number
  /** Monotonic. */
  readonly nowMs: number
}

/**
 * Connections and distinct addresses of users, over all workers. They are counted with limits or without, so that a limit set by a
 * reload knows who is there already. One lock for all of it: it is held for a microsecond, once at the beginning of a connection
 * and once at its end.
 */
export class Places {
  readonly rows: UserRows
  readonly addresses: AddressTable
  readonly #source = new SourceKey()
  readonly #words = new Uint32Array(4)

  constructor(options: PlacesOptions) {
    this.rows = new UserRows(options)
    this.addresses = new AddressTable(options)
  }

  /** Counts a connection of that user from `ip`, all of it or nothing. `ipv6Prefix`: bits of an IPv6 address that count as one. */
  take(
    place: Place,
    key: Int32Array,
    ip: string,
    ipv6Prefix: number,
    limits: UserLimits,
    nowMs: number,
  ): UserRefusal | undefined {
    const { rows, addresses } = this
    this.#acquire()
    try {
      rows.seen(nowMs)
      const row = rows.findOrMake(key)
      if (row < 0) return 'user-connections'
      const { connectionsMax, addressesMax } = limits
      if (connectionsMax > 0 && rows.connections(row) >= connectionsMax) return 'user-connections'
      const address = this.#find(row, ip, ipv6Prefix, nowMs)
      const isNew = address >= 0 && addresses.total(address) === 0
      if (addressesMax > 0 && (address < 0 || (isNew && addresses.distinct(row) >= addressesMax)))
        return 'user-addresses'
      this.#count(row, address, 1)
      place.row = row
      place.address = address
      return undefined
    } finally {
      rows.placesLock.release(0)
    }
  }

  /** The row of that user, made where there is none; -1 when all have connections. */
  rowOf(key: Int32Array): number {
    this.#acquire()
    const row = this.rows.findOrMake(key)
    this.rows.placesLock.release(0)
    return row
  }

  /** Harmless for one that holds nothing. */
  give(place: Place): void {
    const { row, address } = place
    if (row < 0) return
    this.#acquire()
    this.#count(row, address, -1)
    this.rows.placesLock.release(0)
    place.row = place.address = -1
  }

  /** A worker died: its connections are gone, and what it left half done is mended. The lock is held for each of them alone. */
  takeBack(column: number): void {
    const { rows, addresses } = this
    rows.placesLock.releaseFrom(column, () => this.#mend())
    rows.locks.releaseFrom(column, () => {})
    for (const row of rows.countedBy(column)) {
      this.#acquire()
      rows.changing = { row, address: -1 }
      rows.forget(column, row)
      rows.placesLock.release(0)
    }
    for (const address of addresses.countedBy(column)) {
      this.#acquire()
      rows.changing = { row: addresses.rowOf(address), address }
      addresses.forget(column, address)
      rows.placesLock.release(0)
    }
  }

  #count(row: number, address: number, by: 1 | -1): void {
    const { rows, addresses } = this
    rows.changing = { row, address }
    rows.countConnection(row, by)
    if (address >= 0) addresses.count(address, by)
  }

  #find(row: number, ip: string, ipv6Prefix: number, nowMs: number): number {
    if (!this.#source.read(ip)) return -1
    const tag = sourceTag(this.#source, ipv6Prefix)
    prefixInto(this.#source, tag, this.#words)
    return this.addresses.find(row, this.#words, tag, nowMs)
  }

  #acquire(): void {
    const { placesLock } = this.rows
    if (placesLock.acquire(0)) return
    placesLock.seize(0)
    this.#mend()
  }

  /** Whoever held the lock may have died in the middle of a change: the sums are what the workers' own counts say. */
  #mend(): void {
    const { rows, addresses } = this
    const { row, address } = rows.changing
    rows.sumUp(row)
    if (address >= 0) addresses.sumUp(address)
    addresses.recount(row)
  }
}
