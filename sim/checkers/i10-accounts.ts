import type { MakeChecker } from './index.ts'

/** I10: accepted = open + the sum over close reasons, at any time; every connection is told of once. */
export const checkAccounts: MakeChecker = (scene, fail) => {
  let accepted = 0
  let closed = 0
  const open = new Set<number>()
  return {
    onEvent(event) {
      if (event.kind === 'accepted') {
        accepted++
        open.add(event.connection)
      } else if (event.kind === 'closed') {
        closed++
        if (!open.delete(event.connection)) fail(`connection ${event.connection} was closed twice`)
      } else if ('connection' in event && !open.has(event.connection)) {
        fail(`${event.kind} of connection ${event.connection}, which is closed`)
      }
    },
    onStep() {
      const { proxy } = scene
      if (accepted !== proxy.open + closed || accepted !== proxy.accepted)
        fail(`${accepted} accepted, ${proxy.open} open, ${closed} closed`)
    },
    onCrash() {
      accepted = closed = 0
      open.clear()
    },
  }
}
