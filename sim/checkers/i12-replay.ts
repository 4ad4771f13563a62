import type { MakeChecker } from './index.ts'
import { keyOf, Ledger } from './ledger.ts'
import type { Identity } from './seen.ts'

/**
 * I12: an accepted hello or init is never accepted twice. Hellos show it by our answer, inits by being let in. A loss of power
 * takes back what had not reached the disk: then the floor still keeps out every stamp that could have been accepted, but not
 * what carries none, and not a hello under a stamp of the attacker's choice (docs/threat-model.md).
 */
export const checkReplay: MakeChecker = (scene, fail) => {
  const ledger = new Ledger()
  const openings = new Map<string, Identity>()
  const accepted = new Map<string, Identity>()
  /** Accepted before a loss of power. */
  const forgotten = new Set<string>()
  /** Connections that a loss of power cut: what they were told before may be read behind it. */
  const cut = new Set<string>()
  const hasLost = () => scene.reached.has('fault store-failures') || scene.reached.has('fault torn-writes')
  const accept = (identity: Identity, how: string) => {
    const { name, isStamped, isRestamped = false } = identity
    // Without a store only the clock says where the floor must be, and it may have come back showing another time.
    const isExcused = forgotten.delete(name) && (!isStamped || isRestamped || hasLost())
    if (accepted.has(name) && !isExcused) fail(`${isStamped ? 'a stamped' : 'an unstamped'} opening was ${how} twice`)
    accepted.set(name, identity)
  }
  return {
    onEvent(event) {
      const address = ledger.take(event)
      if (event.kind !== 'authenticated' || event.mode === 'fake-tls' || address === undefined) return
      const identity = openings.get(address)
      if (identity !== undefined) accept(identity, 'let in')
    },
    onSeen(seen) {
      if (seen.kind === 'speaks') openings.set(keyOf(seen.address), seen.identity)
      if (seen.kind !== 'answered' || (cut.has(keyOf(seen.address)) && !seen.identity.isStamped)) return
      accept(seen.identity, 'answered')
    },
    onCrash(how) {
      ledger.crashed()
      if (how === 'kill') return
      for (const address of openings.keys()) cut.add(address)
      for (const name of accepted.keys()) forgotten.add(name)
    },
  }
}
