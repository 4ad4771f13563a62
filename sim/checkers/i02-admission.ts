import type { MakeChecker } from './index.ts'
import { forgetOf } from './processes.ts'
import { keyOf, Ledger } from './ledger.ts'

/** I2: no byte of a client reaches a DC before everything said yes; strangers never get there at all. */
export const checkAdmission: MakeChecker = (scene, fail) => {
  const ledger = new Ledger()
  const strangers = new Map<string, string>()
  /** Talks by the addresses that carry them: a replayed recording carries somebody else's. */
  const carriers = new Map<number, string[]>()
  /** Connections let in that wait for their DC. */
  const opening = new Set<number>()
  return {
    onEvent(event) {
      const address = ledger.take(event)
      if (event.kind === 'authenticated') {
        opening.add(event.connection)
        const name = address === undefined ? undefined : strangers.get(address)
        if (name !== undefined) fail(`${name} was let in`)
      } else if (event.kind === 'relaying' || event.kind === 'closed') opening.delete(event.connection)
    },
    onSeen(seen) {
      if (seen.kind === 'stranger') strangers.set(keyOf(seen.address), seen.name)
      else if (seen.kind === 'speaks') {
        carriers.set(seen.talk, [...(carriers.get(seen.talk) ?? []), keyOf(seen.address)])
      } else if (seen.kind === 'part-at-dc') {
        const addresses = carriers.get(seen.part.talk) ?? []
        if (!addresses.some((address) => ledger.isAuthenticated(address)))
          fail(`talk ${seen.part.talk} reached a DC before it was let in`)
      }
    },
    onDial(from, to) {
      // What is dialled ahead carries nothing yet.
      if (scene.settings.telegram.prewarm !== 0) return
      if (from === scene.host.ip && scene.places.dcIps.includes(to.ip) && opening.size === 0)
        fail(`${to.ip} was dialled for nobody who was let in`)
    },
    onBuried: (pid) => forgetOf(pid, opening),
    onCrash() {
      ledger.crashed()
      opening.clear()
    },
  }
}
