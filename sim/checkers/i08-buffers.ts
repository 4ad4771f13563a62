import type { MakeChecker } from './index.ts'

/**
 * I8: every buffer is released exactly once and none is used after. A second release and a broken assertion are faults; a
 * use after release reads poison, which I1 sees; what is never released is still leased when no connection is left.
 */
export const checkBuffers: MakeChecker = (scene, fail) => {
  const check = () => {
    const { open, links, pool } = scene.proxy
    if (open === 0 && links === 0 && pool.leases > 0) fail(`${pool.leases} buffers are leased by nobody`)
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
