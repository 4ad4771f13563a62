import type { VirtualConnection } from '../world/connection.ts'
import type { MakeChecker } from './index.ts'

/** As core/telegram/dial-ahead.ts has it: the age at which one is given up, the time between two looks, and a tick. */
const AHEAD_MAX_MS = 20_000 + 1_000 + 50

/**
 * I7: a connection dialled ahead is handed out once, and not after the DC has spoken, ended or broken it, nor when it is old.
 * Places on links to middle proxies are distinct, and given back: never more than there are connections.
 */
export const checkLeases: MakeChecker = (scene, fail) => {
  const handedOut = new WeakSet<VirtualConnection>()
  return {
    onHandOver(connection) {
      const { local, remote, isGone, isGivenUp, hasHeard, openedAt } = connection
      if (!scene.host.ownAddresses().includes(local.ip) || !scene.places.dcIps.includes(remote.ip)) return
      const ageMs = scene.world.now - openedAt
      if (handedOut.has(connection)) fail(`a connection to ${remote.ip} is handed out twice`)
      // Whoever took it may be over before it has another handler, as when a quota is used up with the first bytes.
      if ((isGone && !isGivenUp) || hasHeard)
        fail(`a connection is handed out on which ${remote.ip} has spoken, or that it has ended`)
      if (ageMs > AHEAD_MAX_MS + scene.stalledMs) fail(`a connection to ${remote.ip} is handed out after ${ageMs} ms`)
      handedOut.add(connection)
      scene.reach('handed out')
    },
    onStep() {
      for (const { proxy } of scene.processes)
        if (proxy.linkClients > proxy.open) fail(`${proxy.linkClients} places on links for ${proxy.open} connections`)
    },
  }
}
