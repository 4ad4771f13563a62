import { cpuMs, residentKb } from '../usage.ts'
import { openClient, type ClientEnd } from './client.ts'
import type { End } from './end.ts'
import type { Job, JobResult } from './job.ts'
import { makeOpening } from './opening.ts'

/** Streams at once in download and upload, and players of ping-pong. */
export const STREAMS = 8
export const PLAYERS = 16
/** Bytes of one ping and of one pong. */
export const PING_BYTES = 128
/** Handshakes under way at once. */
const HANDSHAKES = 16
const SETTLE_MS = 200
/** Long enough for the collectors of both runtimes to have been by. */
const IDLE_SETTLE_MS = 6_000

/** The far side of the subject: the DC, or the middle proxy. */
export interface Far {
  /** Clients that it knows of. */
  readonly open: number
  /** Called after each that has left. */
  onClosed: () => void
  /** Ends all of them from its side. */
  endAll(): void
}

/** Sends a ping, waits for `pongBytes` at least, and sends the next one at once, `rounds` times. */
export function play(
  client: ClientEnd,
  game: { readonly nextPing: () => Uint8Array; readonly pongBytes: number; readonly rounds: number },
  done: () => void,
): void {
  const { nextPing, pongBytes, rounds } = game
  let left = rounds
  let missing = pongBytes
  client.handler = {
    onData(_end, chunk) {
      missing -= chunk.length
      if (missing > 0) return
      missing = pongBytes
      if (--left === 0) done()
      else client.send(nextPing())
    },
    onEnd() {},
  }
  client.send(nextPing())
}

/** Connect, shake hands, hear the first bytes of the far side, close; `amount` times with fresh keys each time. `onOpen` closes. */
export async function openAndClose(far: Far, job: Job, onOpen: (client: ClientEnd) => void): Promise<JobResult> {
  const openings = Array.from({ length: job.amount }, () => makeOpening(job.way, job.mode))
  return await measureAsync(job.pid, job.amount, async () => {
    await openMany(job, job.amount, onOpen, () => openings.pop() ?? makeOpening(job.way, job.mode))
    await whenEmpty(far)
  })
}

/**
 * Opens `amount` pairs, lets them rest, and sees how much memory the subject has grown by. A tenth as many are opened
 * before and stay, so that what the runtime holds in reserve and what is loaded at first use do not count.
 */
export async function growthOfIdle(far: Far, job: Job): Promise<JobResult> {
  const clients = await openClients(Math.ceil(job.amount / 10), job)
  await Bun.sleep(IDLE_SETTLE_MS)
  const before = residentKb(job.pid)
  const result = await measureAsync(job.pid, job.amount, () =>
    openMany(job, job.amount, (client) => clients.push(client)),
  )
  await Bun.sleep(IDLE_SETTLE_MS)
  const grown = residentKb(job.pid) - before
  await closed(far, clients)
  return { ...result, residentKb: grown }
}

/** All of them open. */
export async function openClients(count: number, job: Job): Promise<ClientEnd[]> {
  const clients: ClientEnd[] = []
  await openMany(job, count, (client) => clients.push(client))
  return clients
}

/** Opens `count` clients, a bounded number at a time. */
async function openMany(
  job: Job,
  count: number,
  onOpen: (client: ClientEnd) => void,
  nextOpening = () => makeOpening(job.way, job.mode),
): Promise<void> {
  let left = count
  const worker = async () => {
    while (left-- > 0) onOpen(await openClient(job.port, job.mode, nextOpening()))
  }
  await Promise.all(Array.from({ length: HANDSHAKES }, worker))
}

/** Ends it, whatever comes. */
export function closeClient(end: End): void {
  end.handler = { onData() {}, onEnd() {} }
  end.socket?.end()
}

/** Calls `done` when the other side of each has sent its last. */
export function whenAllEnded(ends: readonly End[], done: () => void): void {
  const onEnd = countdown(ends.length, done)
  for (const end of ends) end.handler = { onData() {}, onEnd }
}

/** What calls `done` when it is called for the last of `count` times. */
export function countdown(count: number, done: () => void): () => void {
  let left = count
  return () => {
    if (--left === 0) done()
  }
}

/** CPU time of the subject until `run` says that it is done. */
export function measure(pid: number, amount: number, run: (done: () => void) => void): Promise<JobResult> {
  return measureAsync(pid, amount, () => new Promise((resolve) => run(resolve)))
}

async function measureAsync(pid: number, amount: number, run: () => Promise<void>): Promise<JobResult> {
  await Bun.sleep(SETTLE_MS)
  const startedAt = performance.now()
  const before = cpuMs(pid)
  await run()
  return { amount, cpuMs: cpuMs(pid) - before, wallMs: performance.now() - startedAt, residentKb: 0 }
}

/** Ends what is still open, and waits until the far side sees every connection gone, so that runs do not overlap. */
export async function closed(far: Far, clients: readonly ClientEnd[]): Promise<void> {
  for (const client of clients) closeClient(client)
  far.endAll()
  await whenEmpty(far)
}

function whenEmpty(far: Far): Promise<void> {
  return new Promise((resolve) => {
    far.onClosed = () => {
      if (far.open === 0) resolve()
    }
    far.onClosed()
  })
}
