import type { MakeChecker } from './index.ts'
import { keyOf, Ledger } from './ledger.ts'

/** I1: bytes out are bytes in, in order, both ways. Both ends know every byte and tell of the first wrong one. */
export const checkStreams: MakeChecker = (scene, fail) => {
  const ledger = new Ledger()
  return {
    onEvent: (event) => void ledger.take(event),
    onCrash: () => ledger.crashed(),
    onSeen(seen) {
      if (seen.kind === 'nonsense-at-dc') fail(`a DC got ${seen.what}`)
      // Who was not let in talks to the mask site, and cannot make sense of it.
      if (seen.kind === 'nonsense-at-client' && ledger.isAuthenticated(keyOf(seen.address))) {
        if (!seen.isGap || !ledger.hasMoved(keyOf(seen.address))) fail(seen.what)
      }
      if (seen.kind === 'part-at-dc' && !isServedAt(seen.part.dc, seen.at.ip))
        fail(`a client of DC ${seen.part.dc} ended up at ${seen.at.ip}`)
      if (seen.kind === 'talked' && seen.mustEndWell && seen.outcome !== 'done')
        fail(`${seen.name} without any fault ended as: ${seen.outcome}`)
    },
  }
  function isServedAt(dc: number, ip: string): boolean {
    return scene.places.ofDc(dc).includes(ip)
  }
}
