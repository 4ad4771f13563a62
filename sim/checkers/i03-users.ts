import { NO_LIMITS } from '../../src/core/settings.ts'
import type { MakeChecker } from './index.ts'
import { forgetOf } from './processes.ts'

interface Place {
  readonly user: string
  readonly ip: string
}

/**
 * I3, of users: no connection comes in beyond what its user may have, and what is counted is what is there: a place is taken once, and
 * given back by a close or a refusal. Clients of runs come over IPv4, so that an address is a source.
 */
export const checkUsers: MakeChecker = (scene, fail) => {
  const places = new Map<number, Place>()
  let isChanged = false
  const of = (user: string) => [...places.values()].filter((place) => place.user === user)
  const addressesOf = (user: string) => new Set(of(user).map(({ ip }) => ip)).size
  return {
    onEvent(event) {
      if (event.kind === 'entered') {
        const secret = scene.settings.secrets.find(({ id }) => id === event.secret)
        const { name = '', limits = NO_LIMITS } = secret ?? {}
        if (secret === undefined || places.has(event.connection)) fail(`a place was taken twice, or by nobody's user`)
        const addressesBefore = addressesOf(name)
        places.set(event.connection, { user: name, ip: event.client.ip })
        const connections = of(name).length
        const addresses = addressesOf(name)
        if (limits.connectionsMax > 0 && connections > limits.connectionsMax)
          fail(`${name} has ${connections} connections, of ${limits.connectionsMax}`)
        // Those that were there before a reload stay, and more may come from where they are.
        if (limits.addressesMax > 0 && addresses > Math.max(limits.addressesMax, addressesBefore))
          fail(`${name} is at ${addresses} addresses, of ${limits.addressesMax}`)
      } else if (event.kind === 'closed' || event.kind === 'rejected') places.delete(event.connection)
      else if (event.kind === 'relaying' && !places.has(event.connection))
        fail(`connection ${event.connection} is relayed without a place of its user`)
      else return
      isChanged = true
    },
    onStep() {
      if (!isChanged) return
      isChanged = false
      for (const { name, connections, addresses, open } of scene.users()) {
        const [there, at] = [of(name).length, addressesOf(name)]
        if (connections !== there || open !== there || addresses !== at)
          fail(`${name} is counted with ${connections} from ${addresses} addresses, and has ${there} from ${at}`)
      }
    },
    onBuried(pid) {
      forgetOf(pid, places)
      isChanged = true
    },
    onCrash() {
      places.clear()
      isChanged = true
    },
  }
}
