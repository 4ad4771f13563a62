import { createHash, randomBytes } from 'node:crypto'
import { ctr, type StreamCipher } from '../../src/core/protocol/ctr.ts'
import { decryptInit, INIT_LENGTH, rawKeys } from '../../src/core/protocol/obfuscated2.ts'
import { openClient } from './client.ts'
import { GREETING_LENGTH, type Dc, type DcEnd } from './dc.ts'
import type { End } from './end.ts'
import type { Job, JobResult } from './job.ts'
import { asRecord, makeOpening } from './opening.ts'

const RECORD_HEADER = 5
const RECORD_MAX = 16_384

/**
 * Sends `amount` random bytes through the subject in both directions with the ciphers of a real client and a real DC,
 * and compares hashes: the measured runs skip the ciphers, and a wrong proxy must not get figures.
 */
export async function verify(dc: Dc, job: Job): Promise<JobResult> {
  const atDc = new Collector()
  const atClient = new Collector()
  dc.handler = atDc
  const client = await openClient(job.port, job.mode, makeOpening(job.way, job.mode))
  client.handler = atClient
  const [dcEnd] = dc.ends
  const upward = randomBytes(job.amount)
  const downward = randomBytes(job.amount)
  const keys = client.opening.keys
  const seal = (bytes: Uint8Array) => (keys === undefined ? bytes : ctr(keys.up, INIT_LENGTH).update(bytes))
  const wire = job.mode === 'ee' ? asRecords(seal(upward)) : seal(upward)
  client.pump(wire, wire.length)
  const sealed = keys === undefined ? downward : dcDownlink(dcEnd).update(downward)
  dcEnd.pump(sealed, sealed.length)
  await Promise.all([atDc.ended, atClient.ended])

  const gotAtClient = job.mode === 'ee' ? payloadOf(atClient.bytes()) : atClient.bytes()
  const openDown = keys === undefined ? undefined : skip(ctr(keys.down), GREETING_LENGTH)
  compare('to the client', downward, openDown?.update(gotAtClient) ?? gotAtClient)
  compare('to the DC', upward, keys === undefined ? atDc.bytes() : dcUplink(dcEnd).update(atDc.bytes()))
  return { amount: 2 * job.amount, cpuMs: 0, wallMs: 0, residentKb: 0 }
}

/** Keeps everything; for the small amounts of a check. */
export class Collector {
  readonly ended: Promise<void>
  #chunks: Uint8Array[] = []
  #end: () => void = () => {}

  constructor() {
    this.ended = new Promise((resolve) => (this.#end = resolve))
  }

  onData(_end: End, chunk: Uint8Array): void {
    this.#chunks.push(chunk.slice())
  }

  onEnd(): void {
    this.#end()
  }

  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#chunks))
  }
}

/** The DC reads the init like any obfuscated2 server without a secret, and the tag must come out. */
function dcUplink(end: DcEnd): StreamCipher {
  const { up } = rawKeys(end.init)
  const tag = decryptInit(end.init, up)[56]
  if (tag !== 0xee && tag !== 0xdd) throw new Error('the DC cannot read the init it was sent')
  return ctr(up, INIT_LENGTH)
}

function dcDownlink(end: DcEnd): StreamCipher {
  return skip(ctr(rawKeys(end.init).down), GREETING_LENGTH)
}

/** The greeting stood in the stream, though its bytes were zeros instead of cipher text. */
function skip(cipher: StreamCipher, length: number): StreamCipher {
  cipher.update(new Uint8Array(length))
  return cipher
}

/** TLS data records around `bytes`. */
export function asRecords(bytes: Uint8Array): Uint8Array {
  const records: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += RECORD_MAX) records.push(asRecord(bytes.subarray(at, at + RECORD_MAX)))
  return new Uint8Array(Buffer.concat(records))
}

/** What those records hold. */
export function payloadOf(records: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = []
  for (let at = 0; at < records.length;) {
    const length = (records[at + 3] << 8) | records[at + 4]
    parts.push(records.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length))
    at += RECORD_HEADER + length
  }
  return new Uint8Array(Buffer.concat(parts))
}

/** Throws when what came is not what was sent. */
export function compare(where: string, sent: Uint8Array, got: Uint8Array): void {
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  if (hash(sent) !== hash(got))
    throw new Error(`what came ${where} is not what was sent (${got.length} of ${sent.length} bytes)`)
}
