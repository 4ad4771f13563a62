import { createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { INIT_LENGTH } from '../../src/core/protocol/obfuscated2.ts'
import { asRecord, flightLength, makeOpening } from '../load/opening.ts'
import { dial, shakeHands } from './client.ts'

/** Clients that are connected all the time, and how often each says something. */
const RELAYS = 8
const PING_EVERY_MS = 20
const PING_BYTES = 128
const PING_RECORD = asRecord(new Uint8Array(PING_BYTES))

/** New ones: started in batches, and so many at most that have neither an answer nor given up. */
const BATCH_EVERY_MS = 5
const OPEN_MAX = 3_000
/** When one without an answer gives up, as a client would. */
const PATIENCE_MS = 3_000

/** A DC that says back whatever it hears behind the init. */
export function startEcho(): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((socket) => {
    let before = INIT_LENGTH
    socket.on('error', () => {})
    socket.setNoDelay(true)
    socket.on('data', (chunk) => {
      const behind = chunk.subarray(Math.min(before, chunk.length))
      before -= chunk.length - behind.length
      if (behind.length > 0) socket.write(behind)
    })
  })
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () =>
      resolve({ port: (server.address() as AddressInfo).port, close: () => server.close() }),
    ),
  )
}

interface Ping {
  /** Monotonic ms of this process. */
  readonly sentAt: number
  /** Undefined: not heard yet. */
  tookMs?: number
}

/** Clients with the software secret that are through to the DC, and say something every now and then whatever they hear. */
export class LiveRelays {
  readonly #pings: Ping[] = []
  readonly #sockets: Socket[]
  readonly #timers: NodeJS.Timeout[]

  private constructor(sockets: Socket[]) {
    this.#sockets = sockets
    this.#timers = sockets.map((socket, at) => {
      const unheard: Ping[] = []
      let heard = 0
      socket.on('data', (chunk: Buffer) => {
        for (heard += chunk.length; heard >= PING_RECORD.length; heard -= PING_RECORD.length) {
          const ping = unheard.shift()
          if (ping !== undefined) ping.tookMs = performance.now() - ping.sentAt
        }
      })
      const send = () => {
        const ping: Ping = { sentAt: performance.now() }
        unheard.push(ping)
        this.#pings.push(ping)
        socket.write(PING_RECORD)
      }
      // Not all at once.
      return setInterval(send, PING_EVERY_MS + at / RELAYS)
    })
  }

  static async open(port: number): Promise<LiveRelays> {
    return new LiveRelays(await Promise.all(Array.from({ length: RELAYS }, () => openRelay(port))))
  }

  /** Round trips in ms of what was said between these moments; what was not heard yet has taken as long as until now. */
  tookBetween(fromMs: number, toMs: number): number[] {
    const now = performance.now()
    return this.#pings
      .filter(({ sentAt }) => sentAt >= fromMs && sentAt < toMs)
      .map(({ sentAt, tookMs }) => tookMs ?? now - sentAt)
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    for (const socket of this.#sockets) socket.destroy()
  }
}

async function openRelay(port: number): Promise<Socket> {
  const { hello = new Uint8Array(), init } = makeOpening('direct', 'ee')
  const socket = dial(port)
  socket.write(hello)
  let seen = Buffer.alloc(0)
  await new Promise<void>((resolve, reject) => {
    socket.once('close', () => reject(new Error('a relay was not let in')))
    const listen = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      if (flightLength(seen) === undefined) return
      socket.off('data', listen)
      resolve()
    }
    socket.on('data', listen)
  })
  socket.write(init)
  return socket
}

/**
 * New clients with these hellos, so many a second, whether the proxy keeps up or not. How many a second got their answer within a
 * client's patience, until the last of them had.
 */
export async function sendCrowd(port: number, hellos: readonly Uint8Array[], perSec: number): Promise<number> {
  const all: Promise<number | undefined>[] = []
  let open = 0
  let lastMs = 0
  const begin = async (hello: Uint8Array) => {
    open++
    const answer = await shakeHands(port, hello, PATIENCE_MS)
    open--
    if (answer !== undefined) lastMs = performance.now() - began
    return answer
  }
  const began = performance.now()
  while (all.length < hellos.length) {
    const due = Math.min(hellos.length, Math.ceil(((performance.now() - began) * perSec) / 1000))
    while (all.length < due && open < OPEN_MAX) all.push(begin(hellos[all.length]))
    await sleep(BATCH_EVERY_MS)
  }
  const answered = (await Promise.all(all)).filter((answer) => answer !== undefined).length
  return answered === 0 ? 0 : (1000 * answered) / Math.max(lastMs, (1000 * hellos.length) / perSec)
}
