import type { BufferPool } from '../../src/core/memory/pool.ts'
import type { Proxy } from '../../src/core/proxy.ts'
import type { MakeChecker } from './index.ts'

/**
 * I8: every buffer is released exactly once and none is used after. A second release and a broken assertion are faults; a
 * use after release reads poison, which I1 sees; what is never released is still leased when no connection is left.
 */
export const checkBuffers: MakeChecker = (scene, fail) => {
  const check = () => scene.processes.forEach(({ proxy }) => checkOne(proxy))
  const checkOne = ({ open, links, pool }: Proxy) => {
    if (open === 0 && links === 0 && pool.leases > 0)
      fail(`${pool.leases} buffers are left, leased by ${ownersOf(pool)}`)
    if (pool.heldBytes < pool.inUseBytes) fail(`${pool.inUseBytes} bytes are leased of ${pool.heldBytes}`)
    if (pool.inUseBytes > pool.ceilingBytes) fail(`${pool.inUseBytes} bytes are leased, above the ceiling`)
  }
  return {
    onEvent(event) {
      if (event.kind === 'fault') fail(`a fault in ${event.where}: ${event.message}`)
    },
    onStep: check,
    onEnd: check,
  }
}

function ownersOf(pool: BufferPool): string {
  return [...pool.owners()].map(([label, count]) => `${label} (${count})`).join(', ')
}
