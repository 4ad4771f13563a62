import type { MakeChecker } from './index.ts'
import { forgetOf } from './processes.ts'

/** What jitter adds at most, and a little for ticks, links and a vault that answers later. */
const JITTER = { times: 13, in: 10 }
const GRACE_MS = 2_000
const MASK_DIAL_MS = 5_000
const DISCARD_MS = 65_000
/** Behind our FIN, when there was no way to the DC. */
const LINGER_MS = 5_000

/** I16: every session has one live deadline until it is closed, and it comes: nobody stays in front of the relay for ever. */
export const checkDeadlines: MakeChecker = (scene, fail) => {
  /** When each session must have moved on, by id. */
  const until = new Map<number, number>()
  const jittered = (ms: number) => (ms * JITTER.times) / JITTER.in
  /** No later than the first of them. */
  let soonest = Infinity
  const start = (connection: number, ms: number) => {
    const at = scene.world.now + ms + GRACE_MS
    until.set(connection, at)
    soonest = Math.min(soonest, at)
  }
  return {
    onEvent(event) {
      const { listen, mask, telegram } = scene.settings
      if (event.kind === 'accepted') {
        // A header of a balancer, a hello, an answer, an init: one after the other, each with its own limit.
        const hello = jittered(listen.firstByteTimeoutMs) + jittered(listen.handshakeTimeoutMs)
        const init = jittered(listen.prewarmTimeoutMs) + jittered(listen.handshakeTimeoutMs)
        start(event.connection, 2 * hello + init + DISCARD_MS * 2)
      } else if (event.kind === 'authenticated')
        start(event.connection, 2 * telegram.connectTimeoutMs + jittered(LINGER_MS))
      else if (event.kind === 'rejected')
        start(event.connection, MASK_DIAL_MS + jittered(mask.maxTimeMs) + jittered(DISCARD_MS))
      else if (event.kind === 'relaying' || event.kind === 'closed') until.delete(event.connection)
    },
    onStep() {
      for (const { proxy } of scene.processes)
        for (const { stage, isArmed } of proxy.inspect()) if (!isArmed) fail(`no deadline in ${stage}`)
      if (soonest >= scene.world.now) return
      soonest = Infinity
      for (const [connection, at] of until) {
        // Whoever was stalled is late, and a machine that sleeps may not count it.
        if (at + scene.stalledMs >= scene.world.now) {
          soonest = Math.min(soonest, at + scene.stalledMs)
          continue
        }
        until.delete(connection)
        fail(`connection ${connection} waits beyond every limit`)
      }
    },
    onBuried: (pid) => forgetOf(pid, until),
    onCrash: () => until.clear(),
  }
}
