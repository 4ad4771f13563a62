import { prefixInto, tagOf } from '../../src/core/guard/sources/prefix.ts'
import { SourceKey } from '../../src/core/guard/sources/source-key.ts'
import { BURST_MS } from '../../src/core/guard/users/index.ts'
import type { SessionView } from '../../src/core/proxy.ts'
import type { MakeChecker } from './index.ts'

/** Processes know the time as of their last tick. */
const SLACK_MS = 1_000

interface Prefix {
  /** Ms of the machine's clock up to when its bandwidth is used up. */
  paidMs: number
  /** When there was room for the last time, as far as anybody looked. */
  roomMs: number
}

interface Masked {
  bytes: number
  /** Since when it must wait for room; undefined: it need not. */
  heldMs: number | undefined
}

/**
 * I3, of masked connections: what those of one /24 or /64 carry together stays within their bandwidth. What a read brings passes
 * whole, so this is that nobody is read again, in either direction, before there was room. What came before the site was there is not
 * counted, so that nobody is blamed for bytes that are still to pass.
 */
export const checkMask: MakeChecker = (scene, fail) => {
  const { bytesPerSec } = scene.options.settings.mask
  if (bytesPerSec === undefined) return {}
  const prefixes = new Map<string, Prefix>()
  let masked = new WeakMap<SessionView, Masked>()

  function look(session: SessionView, rate: number): void {
    const now = scene.machine.mono()
    const bytes = session.fromClientBytes + session.toClientBytes
    const one = masked.get(session)
    if (one === undefined) masked.set(session, { bytes, heldMs: undefined })
    if (one === undefined || bytes === one.bytes) return
    const name = prefixOf(session.clientAddress.ip)
    const prefix = prefixes.get(name) ?? { paidMs: now, roomMs: now }
    prefixes.set(name, prefix)
    const spareMs = BURST_MS + SLACK_MS + scene.stalledMs
    if (prefix.paidMs - now < spareMs) prefix.roomMs = now
    if (one.heldMs !== undefined && prefix.roomMs <= one.heldMs)
      fail(
        `a masked connection of ${name} carried ${bytes - one.bytes} bytes more than ${rate} a second leave room for`,
      )
    prefix.paidMs = Math.max(prefix.paidMs, now) + ((bytes - one.bytes) * 1000) / rate
    one.bytes = bytes
    one.heldMs = prefix.paidMs - now < spareMs ? undefined : now
    if (one.heldMs !== undefined) scene.reach('masked connection held')
  }

  return {
    onStep() {
      for (const { proxy } of scene.processes)
        for (const session of proxy.sessions) if (session.stage.name === 'mask') look(session, bytesPerSec)
    },
    onCrash() {
      prefixes.clear()
      masked = new WeakMap()
    },
  }
}

const source = new SourceKey()
const words = new Uint32Array(4)

function prefixOf(ip: string): string {
  if (source.read(ip)) prefixInto(source, source.family === 4 ? tagOf(4, 24) : tagOf(6, 64), words)
  return `${source.family} ${words.join(' ')}`
}
