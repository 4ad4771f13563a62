import { wrappedLength } from '../../src/core/protocol/faketls/records.ts'
import { READ_MAX_BYTES } from '../world/network.ts'
import type { MakeChecker } from './index.ts'

/** I9: what waits for one slow reader is bounded. That others are not slowed is part of talks that must end well. */
export const checkWaiting: MakeChecker = (scene, fail) => ({
  onStep() {
    // One read is taken whole, whatever the configuration says.
    const limit = Math.max(scene.settings.memory.perConnectionBytes, wrappedLength(READ_MAX_BYTES))
    for (const { stage, waitingBytes } of scene.proxy.inspect())
      if (waitingBytes > limit) fail(`${waitingBytes} bytes wait in ${stage}, where ${limit} may`)
  },
})
