import { randomBytes } from 'node:crypto'
import type { Dc } from './dc.ts'
import type { Job, JobResult } from './job.ts'
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
  whenAllEnded,
} from './steps.ts'

const BLOCK_BYTES = 256 << 10
/** Payload of one TLS record as real clients cut it (protocol.md, 4.6). */
const CLIENT_RECORD_BYTES = 2878

const DOWNLINK_BLOCK = new Uint8Array(randomBytes(BLOCK_BYTES))
const UPLINK_RECORD = asRecord(randomBytes(CLIENT_RECORD_BYTES))
const UPLINK_RECORDS = new Uint8Array(
  Buffer.concat(Array.from({ length: Math.floor(BLOCK_BYTES / CLIENT_RECORD_BYTES) }, () => UPLINK_RECORD)),
)

export type RunWorkload = (dc: Dc, job: Job) => Promise<JobResult>

/** The DC sends `amount` bytes over several connections; the clients read and forget. */
export async function download(dc: Dc, job: Job): Promise<JobResult> {
  dc.handler = { onData() {}, onEnd: (end) => end.socket?.end() }
  const clients = await openClients(STREAMS, job)
  const each = Math.ceil(job.amount / STREAMS)
  const result = await measure(job.pid, each * STREAMS, (done) => {
    whenAllEnded(clients, done)
    for (const end of dc.ends) end.pump(DOWNLINK_BLOCK, each)
  })
  for (const client of clients) {
    const isWhole = job.mode === 'ee' ? client.received > each : client.received === each
    if (!isWhole) throw new Error(`download: ${client.received} bytes came of ${each}`)
  }
  await closed(dc, clients)
  return result
}

/** The clients send `amount` bytes of payload, in fake TLS cut into records as real clients do. */
export async function upload(dc: Dc, job: Job): Promise<JobResult> {
  const clients = await openClients(STREAMS, job)
  const block = job.mode === 'ee' ? UPLINK_RECORDS : DOWNLINK_BLOCK
  const payloadOfBlock = job.mode === 'ee' ? (block.length / UPLINK_RECORD.length) * CLIENT_RECORD_BYTES : block.length
  const blocks = Math.ceil(job.amount / STREAMS / payloadOfBlock)
  const ends = [...dc.ends]
  const result = await measure(job.pid, blocks * payloadOfBlock * STREAMS, (done) => {
    whenAllEnded(ends, done)
    for (const client of clients) client.pump(block, blocks * block.length)
  })
  for (const end of ends) {
    if (end.received !== blocks * payloadOfBlock)
      throw new Error(`upload: ${end.received} bytes came of ${blocks * payloadOfBlock}`)
  }
  await closed(dc, clients)
  return result
}

/** Every client has one small message under way, which the DC sends back. */
export async function pingPong(dc: Dc, job: Job): Promise<JobResult> {
  const pong = new Uint8Array(PING_BYTES)
  dc.handler = { onData: (end) => end.send(pong), onEnd: (end) => end.socket?.end() }
  const clients = await openClients(PLAYERS, job)
  const ping = job.mode === 'ee' ? asRecord(pong) : pong
  const rounds = Math.ceil(job.amount / PLAYERS)
  const result = await measure(job.pid, rounds * PLAYERS, (done) => {
    const isOver = countdown(clients.length, done)
    for (const client of clients) play(client, { nextPing: () => ping, pongBytes: ping.length, rounds }, isOver)
  })
  await closed(dc, clients)
  return result
}

/** Connect, shake hands, hear the DC's first bytes, close; `amount` times with fresh keys each time. */
export async function setUp(dc: Dc, job: Job): Promise<JobResult> {
  dc.handler = { onData() {}, onEnd: (end) => end.socket?.end() }
  return await openAndClose(dc, job, closeClient)
}

/** What an app asks when it comes to the front, and what it is told: a few chats and the pictures in them. */
const QUESTIONS = 10
const ANSWER_BYTES = 8 << 10

/** As `setUp`, with a short talk before the close. */
export async function visit(dc: Dc, job: Job): Promise<JobResult> {
  const answer = DOWNLINK_BLOCK.subarray(0, ANSWER_BYTES)
  dc.handler = { onData: (end) => end.send(answer), onEnd: (end) => end.socket?.end() }
  const question = job.mode === 'ee' ? asRecord(new Uint8Array(PING_BYTES)) : new Uint8Array(PING_BYTES)
  return await openAndClose(dc, job, (client) =>
    play(client, { nextPing: () => question, pongBytes: ANSWER_BYTES, rounds: QUESTIONS }, () => closeClient(client)),
  )
}

/** Connections that rest. */
export async function idle(dc: Dc, job: Job): Promise<JobResult> {
  dc.handler = { onData() {}, onEnd: (end) => end.socket?.end() }
  return await growthOfIdle(dc, job)
}
