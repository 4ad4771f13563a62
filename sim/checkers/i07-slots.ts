import type { MakeChecker } from './index.ts'

/** I7: places on links to middle proxies are distinct, and given back: never more than there are connections. */
export const checkSlots: MakeChecker = (scene, fail) => ({
  onStep() {
    const { linkClients, open } = scene.proxy
    if (linkClients > open) fail(`${linkClients} places on links for ${open} connections`)
  },
})
