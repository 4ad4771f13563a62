import { readFileSync, renameSync, writeFileSync } from 'node:fs'

/** A process of ours and the number of its column. */
export interface LedgerEntry {
  readonly column: number
  readonly pid: number
  /** When it started, in the words of the system: a number of a process may be given again. */
  readonly start: string
}

/**
 * Which processes have which columns of the shared tables, on the disk: whoever starts after a crash of the supervisor, or
 * in its place, must not give a column away while its old worker still drains.
 */
export class Ledger {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Of those that are alive. A ledger that cannot be read tells of none. */
  living(): LedgerEntry[] {
    try {
      const found = JSON.parse(readFileSync(this.#path, 'utf8')) as unknown
      return Array.isArray(found) ? (found as LedgerEntry[]).filter(isLiving) : []
    } catch {
      return []
    }
  }

  /** Throws where the file cannot be written. */
  write(entries: readonly LedgerEntry[]): void {
    const draft = `${this.#path}.${process.pid}`
    writeFileSync(draft, JSON.stringify(entries), { mode: 0o600 })
    renameSync(draft, this.#path)
  }
}

export function ledgerEntry(column: number, pid: number): LedgerEntry {
  return { column, pid, start: startOf(pid) ?? '' }
}

export function isLiving({ pid, start }: LedgerEntry): boolean {
  return Number.isInteger(pid) && pid > 0 && startOf(pid) === start
}

/** Boot and tick of the start of a process (proc(5), stat, field 22); undefined when there is none, or only its remains. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name before the last parenthesis may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state] = fields
    return state === 'Z' || state === 'X' ? undefined : `${bootId()} ${fields[22 - 3]}`
  } catch {
    return undefined
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}
