import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Probe } from '../../sim/probing/probes.ts'
import type { Visit } from '../../sim/probing/visit.ts'

const ALERT_RECORD = 0x15
const DESCRIPTION_AT = 6

/** One probe over a real connection of the loopback, and what came of it within `patienceMs` behind its last word. */
export async function visitLive(probe: Probe, port: number, from: string, patienceMs: number): Promise<Visit> {
  const dialledAt = performance.now()
  const socket = connect({ host: '127.0.0.1', port, localAddress: from, noDelay: true, allowHalfOpen: true })
  const heard = listenTo(socket)
  try {
    await once(socket, 'connect')
    const connectMs = performance.now() - dialledAt
    const { spokeAt, saidAt } = await say(socket, probe, heard)
    const limit = new AbortController()
    await Promise.race([heard.over, sleep(patienceMs, undefined, { signal: limit.signal }).catch(() => {})])
    limit.abort()
    return visitOf(heard, { connectMs, spokeAt, saidAt })
  } finally {
    socket.destroy()
  }
}

interface Heard {
  first: Uint8Array
  totalBytes: number
  chunks: number
  firstAt: number
  lastAt: number
  how: Visit['how']
  endedAt: number
  over: Promise<void>
}

function listenTo(socket: Socket): Heard {
  const now = performance.now()
  const heard: Heard = {
    ...{ first: new Uint8Array(0), totalBytes: 0, chunks: 0, firstAt: now, lastAt: now, how: 0, endedAt: now },
    over: Promise.resolve(),
  }
  heard.over = new Promise((resolve) => {
    const end = (how: Visit['how']) => () => {
      if (heard.how === 0) {
        heard.how = how
        heard.endedAt = performance.now()
      }
      resolve()
    }
    socket.on('data', (chunk) => {
      heard.lastAt = performance.now()
      if (heard.totalBytes === 0) {
        heard.firstAt = heard.lastAt
        heard.first = Uint8Array.from(chunk)
      }
      heard.totalBytes += chunk.length
      heard.chunks++
    })
    socket.on('end', end(1)).on('error', end(2)).on('close', end(1))
  })
  return heard
}

async function say(
  socket: Socket,
  { pieces, ending }: Probe,
  heard: Heard,
): Promise<{ readonly spokeAt: number; readonly saidAt: number }> {
  const startedAt = performance.now()
  let [spokeAt, saidAt] = [startedAt, startedAt]
  for (const [at, { afterMs, bytes }] of pieces.entries()) {
    if (afterMs > 0) await Promise.race([sleep(afterMs), heard.over])
    if (heard.how !== 0) return { spokeAt, saidAt }
    saidAt = performance.now()
    if (at === 0) spokeAt = saidAt
    socket.write(bytes)
  }
  if (ending === undefined) return { spokeAt, saidAt }
  await Promise.race([sleep(ending.afterMs), heard.over])
  if (heard.how !== 0) return { spokeAt, saidAt }
  if (ending.how === 'end') socket.end()
  else socket.resetAndDestroy()
  return { spokeAt, saidAt: performance.now() }
}

function visitOf(
  heard: Heard,
  { connectMs, spokeAt, saidAt }: { readonly connectMs: number; readonly spokeAt: number; readonly saidAt: number },
): Visit {
  const { first, totalBytes, chunks, firstAt, lastAt, how, endedAt } = heard
  const hasHeard = totalBytes > 0
  return {
    ...{ connectMs, firstBytes: first.length, totalBytes, chunks, how },
    firstMs: hasHeard ? firstAt - spokeAt : -1,
    firstType: hasHeard ? first[0] : -1,
    alert: first[0] === ALERT_RECORD && first.length > DESCRIPTION_AT ? first[DESCRIPTION_AT] : -1,
    closeMs: how === 0 ? -1 : endedAt - saidAt,
    quietMs: how === 0 ? -1 : endedAt - lastAt,
  }
}
