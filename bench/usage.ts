import { readdirSync, readFileSync } from 'node:fs'

/** CPU time that a process and its live threads have used, in milliseconds; exact to the microsecond, unlike `utime`. */
export function cpuMs(pid: number): number {
  let nanoseconds = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readOr(`/proc/${pid}/task/${thread}/schedstat`, '0 0 0')
    nanoseconds += Number(text.split(' ')[0])
  }
  return nanoseconds / 1e6
}

/** Resident memory of a process in KiB. */
export function residentKb(pid: number): number {
  const line = /^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
  if (line === null) throw new Error(`no Rss line for process ${pid}`)
  return Number(line[1])
}

/** A thread may end between the listing and the reading. */
function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return fallback
  }
}
