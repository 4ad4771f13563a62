import type { BufferPool } from '../../src/core/memory/pool.ts'
import type { Proxy } from '../../src/core/proxy.ts'
import type { MakeChecker } from './index.ts'

/** For as long (5 s, and what a tick is late) a link that Telegram has ended still sends what was written, and is counted no more. */
const LINK_FLUSH_MS = 5_100

/**
 * I8: every buffer is released exactly once and none is used after. A second release and a broken assertion are faults; a
 * use after release reads poison, which I1 sees; what is never released is still leased when no connection is left.
 */
export const checkBuffers: MakeChecker = (scene, fail) => {
  /** Since when, in virtual ms, a process holds buffers for links alone that are no longer counted. */
  const flushing = new Map<Proxy, number>()
  const check = () => scene.processes.forEach(({ proxy }) => checkOne(proxy))
  const isLeft = (proxy: Proxy): boolean => {
    const { open, links, pool } = proxy
    const isHeld = open === 0 && links === 0 && pool.leases > 0
    if (!isHeld || ![...pool.owners()].every(([label]) => label === 'link')) {
      flushing.delete(proxy)
      return isHeld
    }
    const since = flushing.get(proxy) ?? scene.world.now
    flushing.set(proxy, since)
    return scene.world.now > since + LINK_FLUSH_MS + scene.stalledMs
  }
  const checkOne = (proxy: Proxy) => {
    const { pool } = proxy
    if (isLeft(proxy)) fail(`${pool.leases} buffers are left, leased by ${ownersOf(pool)}`)
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
