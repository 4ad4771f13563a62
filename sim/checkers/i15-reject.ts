import { REFUSALS, type RejectReason } from '../../src/core/events.ts'
import { AMPLE_BUFFERS_BYTES } from '../scenarios/options.ts'
import type { MakeChecker } from './index.ts'
import { keyOf, Ledger } from './ledger.ts'

/** Two links and a dial more than on the direct way, some of them in small pieces. */
const TIME_CLASS_MS = 1_500
/** No talk of a prober with the site takes more; with tighter limits they show, as with a bandwidth, which is what limits are for. */
const UNLIMITED_BYTES = 1 << 20
const UNLIMITED_MS = 600_000

/** I15: who is not let in sees the mask site and nothing else: same bytes, same way of closing, same class of time. */
export const checkReject: MakeChecker = (scene, fail) => {
  const ledger = new Ledger()
  /** Reasons of the guard, by address; and who got nothing because of that. */
  const refused = new Map<string, RejectReason>()
  const turnedAway = new Set<string>()
  return {
    onEvent(event) {
      const address = ledger.take(event)
      if (address === undefined) return
      if (event.kind === 'rejected') {
        refused.set(address, event.reason)
        if (scene.settings.guard.onRefuse !== 'mask' && isRefusal(event.reason)) turnedAway.add(address)
      }
      // At the second level of overload there is nothing left to mask with: I28 looks after that.
      if (event.kind === 'closed' && event.reason === 'refused' && refused.get(address) === 'overload')
        turnedAway.add(address)
    },
    onCrash: () => ledger.crashed(),
    onSeen(seen) {
      if (seen.kind !== 'probed' || seen.expects === 'anything') return
      const { name, address, proxy, site, isCalm, isTimed } = seen
      if (address !== undefined && turnedAway.has(keyOf(address))) {
        if (proxy.received.length > 0) fail(`${name} was turned away and told ${proxy.received.length} bytes`)
        return
      }
      if (seen.expects === 'silence' || site === undefined) {
        if (proxy.received.length > 0) fail(`${name} was told ${proxy.received.length} bytes where there is no site`)
        if (isCalm && proxy.hasSentAll && proxy.closed === 'reset') fail(`${name} was reset where there is no site`)
        return
      }
      if (!isSameStart(proxy.received, site.received)) fail(`${name} was told other bytes than by the site`)
      const { mask, memory } = scene.settings
      if (!isCalm || mask.maxBytes < UNLIMITED_BYTES || mask.maxTimeMs < UNLIMITED_MS) return
      if (memory.buffersBytes < AMPLE_BUFFERS_BYTES || mask.bytesPerSec !== undefined) return
      if (proxy.received.length !== site.received.length)
        fail(`${name} was told ${proxy.received.length} bytes, by the site ${site.received.length}`)
      if (proxy.closed !== site.closed) fail(`${name} saw ${proxy.closed}, at the site ${site.closed}`)
      if (isTimed && Math.abs(proxy.tookMs - site.tookMs) > TIME_CLASS_MS)
        fail(`${name} took ${proxy.tookMs} ms, at the site ${site.tookMs} ms`)
    },
  }
}

function isRefusal(reason: RejectReason): boolean {
  return (REFUSALS as readonly RejectReason[]).includes(reason)
}

/** Links with faults may cut either of the two short, and so may a limit; what both were told must be the same. */
function isSameStart(a: Uint8Array, b: Uint8Array): boolean {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return false
  return true
}
