import { ctr, type StreamCipher } from '../../src/core/protocol/ctr.ts'
import type { ClientEnd } from './client.ts'
import type { Job, JobResult } from './job.ts'
import { FRAME_HEAD_BYTES, FRAME_PADDING_MAX, framed, messageOf } from './message.ts'
import type { Middle, MiddleClient } from './middle.ts'
import { asRecord } from './opening.ts'
import {
  closeClient,
  closed,
  countdown,
  growthOfIdle,
  measure,
  openAndClose,
  openClients,
  PING_BYTES,
  play,
  PLAYERS,
  STREAMS,
} from './steps.ts'

/** The same workloads by middle proxy, whose clients speak in frames under their keys: a proxy reads them. */

/** One answer with a part of a file, as clients ask for them. */
const PART_BYTES = 128 << 10
/** Bytes of answers on their way to one client at a time: the parts that a client asks for ahead. */
const WINDOW_BYTES = 1 << 20

/** The middle proxy sends parts of `amount` bytes in all to several clients, which read and forget. */
export async function download(middle: Middle, job: Job): Promise<JobResult> {
  middle.onRequest = () => {}
  const clients = await openClients(STREAMS, job)
  const parts = Math.ceil(job.amount / STREAMS / PART_BYTES)
  const result = await measure(job.pid, parts * PART_BYTES * STREAMS, (done) => {
    const isOver = countdown(clients.length, done)
    for (const client of clients) sendParts(known(middle, client), client, parts, isOver)
  })
  const framedBytes = PART_BYTES + FRAME_HEAD_BYTES
  for (const { received } of clients) {
    const most = job.mode === 'ee' ? Infinity : parts * (framedBytes + FRAME_PADDING_MAX)
    if (received < parts * framedBytes || received > most)
      throw new Error(`download by middle proxy: ${received} bytes came of ${parts} parts of ${PART_BYTES}`)
  }
  await closed(middle, clients)
  return result
}

/** As many at a time as fit the window; behind the last one the proxy is told to end the client. */
function sendParts(from: MiddleClient, to: ClientEnd, parts: number, done: () => void): void {
  const part = messageOf(to.opening.number, PART_BYTES)
  let sent = 0
  const send = () => {
    for (; sent < parts && (sent + 1) * PART_BYTES - to.received <= WINDOW_BYTES; sent++) {
      from.answer(part)
      if (sent + 1 === parts) from.close()
    }
  }
  to.handler = { onData: send, onEnd: done }
  send()
}

/** Every client has one small message under way, which the middle proxy answers by one of the same size. */
export async function pingPong(middle: Middle, job: Job): Promise<JobResult> {
  const pong = messageOf(1, PING_BYTES)
  middle.onRequest = (client) => client.answer(pong)
  const clients = await openClients(PLAYERS, job)
  const rounds = Math.ceil(job.amount / PLAYERS)
  const recordHead = asRecord(new Uint8Array(0)).length
  const pongBytes = PING_BYTES + FRAME_HEAD_BYTES + (job.mode === 'ee' ? recordHead : 0)
  const result = await measure(job.pid, rounds * PLAYERS, (done) => {
    const isOver = countdown(clients.length, done)
    for (const client of clients) {
      const ping = framed(messageOf(client.opening.number, PING_BYTES))
      const cipher = uplinkOf(client)
      const nextPing = () => wireOf(job, cipher.update(ping))
      play(client, { nextPing, pongBytes, rounds }, isOver)
    }
  })
  await closed(middle, clients)
  return result
}

/**
 * Connect, shake hands, send a first message, hear its answer, close; `amount` times with fresh keys each time. Both sides
 * close, as a DC does when its client has ended: the proxy would wait ten seconds for last answers otherwise.
 */
export async function setUp(middle: Middle, job: Job): Promise<JobResult> {
  return await openAndClose(middle, job, (client) => {
    closeClient(client)
    known(middle, client).close()
  })
}

/** Connections that rest, each with its place on a link. */
export async function idle(middle: Middle, job: Job): Promise<JobResult> {
  return await growthOfIdle(middle, job)
}

function known(middle: Middle, { opening }: ClientEnd): MiddleClient {
  const client = middle.clients.get(opening.number)
  if (client === undefined) throw new Error('a client was greeted that the middle proxy does not know')
  return client
}

/** Goes on where the client's opening ended. */
function uplinkOf({ opening }: ClientEnd): StreamCipher {
  if (opening.keys === undefined) throw new Error('by middle proxy clients have keys')
  return ctr(opening.keys.up, opening.sentBytes)
}

function wireOf({ mode }: Job, bytes: Uint8Array): Uint8Array {
  return mode === 'ee' ? asRecord(bytes) : bytes
}
