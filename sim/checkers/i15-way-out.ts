import { isPrivate, parseIp } from '../../src/core/address.ts'
import type { MakeChecker } from './index.ts'

/** I15: whatever the resolver says, no name of the configuration leads a stranger to a private address or to the proxy itself. */
export const checkWayOut: MakeChecker = (scene, fail) => ({
  onDial(from, to) {
    // A literal address is the operator's own wish.
    if (from !== scene.host.ip || scene.options.mask === 'literal') return
    const ip = parseIp(to.ip)
    if (ip === undefined || isPrivate(ip)) fail(`${to.ip} was dialled, which a name led to`)
  },
})
