import type { MakeChecker } from './index.ts'
import { forgetOf } from './processes.ts'

interface Account {
  accepted: number
  closed: number
}

/** I10: of every process accepted = open + the sum over close reasons, at any time; every connection is told of once. */
export const checkAccounts: MakeChecker = (scene, fail) => {
  const accounts = new Map<number, Account>()
  const open = new Set<number>()
  const accountOf = (pid: number): Account => {
    let account = accounts.get(pid)
    if (account === undefined) accounts.set(pid, (account = { accepted: 0, closed: 0 }))
    return account
  }
  return {
    onEvent(event, pid) {
      if (event.kind === 'accepted') {
        accountOf(pid).accepted++
        open.add(event.connection)
      } else if (event.kind === 'closed') {
        accountOf(pid).closed++
        if (!open.delete(event.connection)) fail(`connection ${event.connection} was closed twice`)
      } else if ('connection' in event && !open.has(event.connection)) {
        fail(`${event.kind} of connection ${event.connection}, which is closed`)
      }
    },
    onStep() {
      for (const { proxy, number } of scene.processes) {
        const { accepted, closed } = accountOf(number)
        if (accepted !== proxy.open + closed || accepted !== proxy.accepted)
          fail(`${accepted} accepted, ${proxy.open} open, ${closed} closed`)
      }
    },
    onBuried(pid) {
      accounts.delete(pid)
      forgetOf(pid, open)
    },
    onCrash() {
      accounts.clear()
      open.clear()
    },
  }
}
