import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isLiving, Ledger, ledgerEntry, type LedgerEntry } from '../runtime/ledger.ts'
import { Columns } from '../workers/columns.ts'
import { StartError } from './errors.ts'

/** Told of columns of the shared tables: their owner must take back what a dead process held. */
export interface ColumnListener {
  /** A process is about to start with this column. */
  taken?(column: number): void
  /** Its process is gone, and nobody has it until this returns. */
  gone?(column: number): void
}

/**
 * The columns of this state folder, kept in a ledger: those of our own processes, and those of an older supervisor or
 * program whose processes still drain.
 */
export class ColumnBook {
  readonly count: number
  readonly #columns: Columns
  readonly #ledger: Ledger
  readonly #listener: ColumnListener
  readonly #entries: Map<number, LedgerEntry>
  readonly #foreign: Set<number>
  #hasLeft = false

  /** Throws a `StartError` when the folder cannot be written. */
  constructor(stateFolder: string, count: number, listener: ColumnListener = {}) {
    this.count = count
    this.#listener = listener
    this.#ledger = new Ledger(join(stateFolder, 'columns.json'))
    const living = this.#ledger.living()
    this.#entries = new Map(living.map((entry) => [entry.column, entry]))
    this.#foreign = new Set(this.#entries.keys())
    this.#columns = new Columns(count, [...this.#foreign])
    try {
      mkdirSync(stateFolder, { recursive: true, mode: 0o700 })
      this.#write()
    } catch (error) {
      throw new StartError(`cannot keep state in ${stateFolder}: ${(error as Error).message}`)
    }
  }

  /** Whether processes that are not ours still use the shared tables. */
  get hasForeign(): boolean {
    return this.#foreign.size > 0
  }

  /** Columns that no living process has. */
  get unused(): readonly number[] {
    return Array.from({ length: this.count }, (_, column) => column).filter((column) => !this.#entries.has(column))
  }

  /** Undefined when all are in use. */
  take(): number | undefined {
    const column = this.#columns.take()
    if (column !== undefined) this.#listener.taken?.(column)
    return column
  }

  /** The process of a column that was taken. */
  note(column: number, pid: number): void {
    this.#entries.set(column, ledgerEntry(column, pid))
    this.#write()
  }

  give(column: number): void {
    if (!this.#hasLeft) this.#listener.gone?.(column)
    this.#entries.delete(column)
    this.#columns.give(column)
    this.#write()
  }

  /** About once a second: whether older processes are gone by now. */
  look(): void {
    for (const column of [...this.#foreign]) {
      const entry = this.#entries.get(column)
      if (entry !== undefined && isLiving(entry)) continue
      this.#foreign.delete(column)
      this.give(column)
    }
  }

  /** A successor looks after all columns from now on, those of our own processes among them. */
  leave(): void {
    this.#hasLeft = true
  }

  /** The successor is gone. */
  comeBack(): void {
    this.#hasLeft = false
    this.#write()
  }

  #write(): void {
    if (!this.#hasLeft) this.#ledger.write([...this.#entries.values()])
  }
}
