import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

/** A form that a secret may have in memory, and the bytes of that. */
export interface Needle {
  readonly form: string
  readonly bytes: Buffer
}

const PAGE = 4096
const CHUNK_PAGES = 1024
/** Of an entry of /proc/PID/pagemap: the page is in memory, or swapped out (kernel documentation, admin-guide/mm/pagemap). */
const HERE = 0xc0

/** A key of 16 bytes as it is, and as text: base64 without the padding, and each text also with two bytes a character. */
export function formsOf(name: string, key: Buffer): Needle[] {
  const hex = key.toString('hex')
  const texts = [
    { form: 'hex', text: hex },
    { form: 'HEX', text: hex.toUpperCase() },
    { form: 'base64', text: key.toString('base64').replace(/=+$/, '') },
  ]
  return [
    { form: `${name} raw`, bytes: key },
    ...texts.flatMap(({ form, text }) => [
      { form: `${name} ${form}`, bytes: Buffer.from(text, 'latin1') },
      { form: `${name} ${form} wide`, bytes: Buffer.from(text, 'utf16le') },
    ]),
  ]
}

/** Which of the needles are anywhere in what a process has written to, or read, by proc(5). */
export function searchMemory(
  pid: number,
  needles: readonly Needle[],
): { readonly found: readonly string[]; readonly bytes: number } {
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const pages = openSync(`/proc/${pid}/pagemap`, 'r')
  const longest = Math.max(...needles.map(({ bytes }) => bytes.length))
  const found = new Set<string>()
  let total = 0
  try {
    for (const { from, to } of regionsOf(pid)) {
      // The end of what was read last, for what lies across.
      let before: Buffer = Buffer.alloc(0)
      for (let at = from; at < to; at += CHUNK_PAGES * PAGE) {
        const end = Math.min(at + CHUNK_PAGES * PAGE, to)
        const bytes = isAnythingHere(pages, at, end) ? readAt(memory, at, end - at) : Buffer.alloc(0)
        total += bytes.length
        const looked = Buffer.concat([before, bytes])
        for (const { form, bytes: needle } of needles) if (looked.includes(needle)) found.add(form)
        before = bytes.subarray(Math.max(0, bytes.length - longest))
      }
    }
  } finally {
    closeSync(memory)
    closeSync(pages)
  }
  return { found: [...found], bytes: total }
}

/** That process and those that it has started, and they. */
export function familyOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...(children === '' ? [] : children.split(' ')).flatMap((child) => familyOf(Number(child)))]
}

export function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
}

function regionsOf(pid: number): { from: number; to: number }[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, from, to, name] = /^([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+ *(.*)$/.exec(line) ?? []
      // The kernel's own, which cannot be read.
      if (from === undefined || name === '[vvar]' || name === '[vsyscall]') return []
      return [{ from: parseInt(from, 16), to: parseInt(to, 16) }]
    })
}

/** Most of what a runtime maps it has never touched. */
function isAnythingHere(pages: number, from: number, to: number): boolean {
  const entries = Buffer.alloc(((to - from) / PAGE) * 8)
  readSync(pages, entries, 0, entries.length, (from / PAGE) * 8)
  for (let at = 7; at < entries.length; at += 8) if ((entries[at] & HERE) !== 0) return true
  return false
}

/** What can be read of it: a process may unmap what it likes meanwhile. */
function readAt(memory: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  try {
    return bytes.subarray(0, readSync(memory, bytes, 0, length, at))
  } catch {
    return bytes.subarray(0, 0)
  }
}
