import { wrappedLength } from '../../src/core/protocol/faketls/records.ts'
import { READ_MAX_BYTES } from '../world/network.ts'
import type { MakeChecker } from './index.ts'

/** A shared link cannot be stopped for one client (core/session/middle-relay.ts). */
const MIDDLE_WAITING_MAX_BYTES = 8 << 20

/** I9: what waits for one slow reader is bounded. That others are not slowed is part of talks that must end well. */
export const checkWaiting: MakeChecker = (scene, fail) => ({
  onStep() {
    // One read is taken whole, whatever the configuration says.
    const { memory, telegram } = scene.settings
    const own = telegram.mode === 'direct' ? memory.perConnectionBytes : MIDDLE_WAITING_MAX_BYTES
    const limit = Math.max(own, wrappedLength(READ_MAX_BYTES))
    for (const { proxy } of scene.processes)
      for (const { stage, waitingBytes } of proxy.inspect())
        if (waitingBytes > limit) fail(`${waitingBytes} bytes wait in ${stage}, where ${limit} may`)
  },
})
