import { open } from 'node:fs/promises'
import type { Fetcher } from '../core/ports.ts'
import { pinnedGet, type Lookup, type Trust } from './https/get.ts'
import { errorCode } from './network.ts'

/** For all of one fetch: name lookup, handshake, answer. */
const TIMEOUT_MS = 20_000

export interface FetcherOptions extends Trust {
  /** Where names of hosts are looked up. */
  readonly resolve: Lookup
  /** For all of one fetch; 20 s when not given. */
  readonly timeoutMs?: number
}

/** Files from the disk, URLs by one pinned GET each. */
export function createFetcher(options: FetcherOptions): Fetcher {
  return {
    fetch(source, maxBytes, reply) {
      const reading = source.startsWith('https://') ? get(source, maxBytes, options) : readFile(source, maxBytes)
      void reading.then(reply)
    },
  }
}

type Result = { readonly bytes: Uint8Array } | { readonly why: string }

async function get(url: string, bodyBytesMax: number, options: FetcherOptions): Promise<Result> {
  const { resolve, timeoutMs = TIMEOUT_MS } = options
  const result = await pinnedGet({ url, bodyBytesMax, timeoutMs, resolve }, options)
  return 'body' in result ? { bytes: result.body } : { why: result.message }
}

/** A file that grows while it is read, or is longer than allowed, is no file of ours. */
async function readFile(path: string, maxBytes: number): Promise<Result> {
  try {
    const file = await open(path, 'r')
    try {
      const buffer = new Uint8Array(maxBytes + 1)
      let length = 0
      for (;;) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length)
        length += bytesRead
        if (length > maxBytes) return { why: `${path}: longer than ${maxBytes} bytes` }
        if (bytesRead === 0) return { bytes: buffer.slice(0, length) }
      }
    } finally {
      await file.close()
    }
  } catch (error) {
    return { why: `${path}: ${errorCode(error)}` }
  }
}
