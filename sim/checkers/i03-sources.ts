import { SUCCESSES_PER_FACTOR } from '../../src/core/guard/sources/reputation.ts'
import { BALANCER_IP } from '../scenarios/options.ts'
import type { MakeChecker } from './index.ts'
import { forgetOf } from './processes.ts'

/**
 * I3, of sources: no more connections of one address are let in at a time than `guard.connections_per_ip`, whichever process took
 * them. Good use raises it, by as much again for so many successes.
 */
export const checkSources: MakeChecker = (scene, fail) => {
  const { isEnabled, isDryRun, connectionsPerIp } = scene.options.settings.guard
  const entered = new Map<number, string>()
  const open = new Map<string, number>()
  const successes = new Map<string, number>()
  const leave = (connection: number) => {
    const ip = entered.get(connection)
    if (ip !== undefined) open.set(ip, (open.get(ip) ?? 1) - 1)
    entered.delete(connection)
  }
  return {
    onEvent(event) {
      if (!isEnabled || isDryRun) return
      if (event.kind === 'authenticated') {
        const ip = entered.get(event.connection)
        if (ip !== undefined) successes.set(ip, (successes.get(ip) ?? 0) + 1)
      } else if (event.kind === 'entered' && event.client.ip !== BALANCER_IP) {
        const { ip } = event.client
        entered.set(event.connection, ip)
        const now = (open.get(ip) ?? 0) + 1
        open.set(ip, now)
        const most = connectionsPerIp * (1 + Math.floor((successes.get(ip) ?? 0) / SUCCESSES_PER_FACTOR))
        if (now > most) fail(`${ip} has ${now} connections, of ${most}`)
      } else if (event.kind === 'closed' || event.kind === 'rejected') leave(event.connection)
    },
    onBuried(pid) {
      const before = [...entered.keys()]
      const after = new Map(entered)
      forgetOf(pid, after)
      for (const connection of before) if (!after.has(connection)) leave(connection)
    },
    onCrash() {
      entered.clear()
      open.clear()
    },
  }
}
