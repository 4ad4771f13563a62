import { randomBytes } from 'node:crypto'
import { cpuMs, residentKb } from '../usage.ts'
import { openClient, type ClientEnd } from './client.ts'
import type { Dc } from './dc.ts'
import type { End } from './end.ts'
import type { Job, JobResult, LoadMode } from './job.ts'
import { asRecord, makeOpening } from './opening.ts'

/** Streams at once in download and upload, and players of ping-pong. */
const STREAMS = 8
const PLAYERS = 16
/** Handshakes under way at once. */
const HANDSHAKES = 16
/** Bytes of one ping and of one pong. */
export const PING_BYTES = 128
const BLOCK_BYTES = 256 << 10
/** Payload of one TLS record as real clients cut it (protocol.md, 4.6). */
const CLIENT_RECORD_BYTES = 2878
const SETTLE_MS = 200
/** Long enough for the collectors of both runtimes to have been by. */
const IDLE_SETTLE_MS = 6_000

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
    let playing = clients.length
    for (const client of clients) {
      play(client, ping, rounds, () => {
        if (--playing === 0) done()
      })
    }
  })
  await closed(dc, clients)
  return result
}

/** Connect, shake hands, hear the DC's first bytes, close; `amount` times with fresh keys each time. */
export async function setUp(dc: Dc, job: Job): Promise<JobResult> {
  dc.handler = { onData() {}, onEnd: (end) => end.socket?.end() }
  const openings = Array.from({ length: job.amount }, () => makeOpening(job.mode))
  return await measureAsync(job.pid, job.amount, async () => {
    await openMany(
      job,
      job.amount,
      (client) => closeClient(client),
      () => openings.pop(),
    )
    await whenEmpty(dc)
  })
}

/**
 * Opens `amount` pairs, lets them rest, and sees how much memory the subject has grown by. A tenth as many are opened
 * before and stay, so that what the runtime holds in reserve and what is loaded at first use do not count.
 */
export async function idle(dc: Dc, job: Job): Promise<JobResult> {
  dc.handler = { onData() {}, onEnd: (end) => end.socket?.end() }
  const clients = await openClients(Math.ceil(job.amount / 10), job)
  await Bun.sleep(IDLE_SETTLE_MS)
  const before = residentKb(job.pid)
  const result = await measureAsync(job.pid, job.amount, () =>
    openMany(job, job.amount, (client) => clients.push(client)),
  )
  await Bun.sleep(IDLE_SETTLE_MS)
  const grown = residentKb(job.pid) - before
  await closed(dc, clients)
  return { ...result, residentKb: grown }
}

function play(client: ClientEnd, ping: Uint8Array, rounds: number, done: () => void): void {
  let left = rounds
  let missing = ping.length
  client.handler = {
    onData(_end, chunk) {
      missing -= chunk.length
      if (missing > 0) return
      missing = ping.length
      if (--left === 0) done()
      else client.send(ping)
    },
    onEnd() {},
  }
  client.send(ping)
}

async function openClients(count: number, job: Job): Promise<ClientEnd[]> {
  const clients: ClientEnd[] = []
  await openMany(job, count, (client) => clients.push(client))
  return clients
}

/** Opens `count` clients, a bounded number at a time. */
async function openMany(
  job: { readonly port: number; readonly mode: LoadMode },
  count: number,
  onOpen: (client: ClientEnd) => void,
  nextOpening = () => makeOpening(job.mode) as ReturnType<typeof makeOpening> | undefined,
): Promise<void> {
  let left = count
  const worker = async () => {
    while (left-- > 0) onOpen(await openClient(job.port, job.mode, nextOpening()))
  }
  await Promise.all(Array.from({ length: HANDSHAKES }, worker))
}

function closeClient(client: ClientEnd): void {
  client.handler = { onData() {}, onEnd() {} }
  client.socket?.end()
}

function whenAllEnded(ends: readonly End[], done: () => void): void {
  let open = ends.length
  for (const end of ends) {
    end.handler = {
      onData() {},
      onEnd() {
        if (--open === 0) done()
      },
    }
  }
}

function measure(pid: number, amount: number, run: (done: () => void) => void): Promise<JobResult> {
  return measureAsync(pid, amount, () => new Promise((resolve) => run(resolve)))
}

async function measureAsync(pid: number, amount: number, run: () => Promise<void>): Promise<JobResult> {
  await Bun.sleep(SETTLE_MS)
  const startedAt = performance.now()
  const before = cpuMs(pid)
  await run()
  return { amount, cpuMs: cpuMs(pid) - before, wallMs: performance.now() - startedAt, residentKb: 0 }
}

/** Ends what is still open, and waits until the DC sees every connection gone, so that runs do not overlap. */
async function closed(dc: Dc, clients: readonly ClientEnd[]): Promise<void> {
  for (const client of clients) closeClient(client)
  for (const end of dc.ends) end.socket?.end()
  await whenEmpty(dc)
}

function whenEmpty(dc: Dc): Promise<void> {
  return new Promise((resolve) => {
    dc.onClosed = () => {
      if (dc.ends.size === 0) resolve()
    }
    dc.onClosed()
  })
}
