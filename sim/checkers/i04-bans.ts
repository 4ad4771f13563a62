import { cidrContains, parseCidr, parseIp, type Cidr } from '../../src/core/address.ts'
import type { MakeChecker } from './index.ts'

interface Ban {
  readonly prefix: Cidr
  /** Virtual ms. */
  readonly until: number
}

/** The proxy learns of the time once a tick, and its clock drifts. */
const SLACK_MS = 500
/** Bans of a prefix for what some of it did, which does not hold for those in it who are known. */
const FOR_NEIGHBOURS: readonly string[] = ['children', 'prefix']

/** I4: nobody who is banned is recognised, whatever it says and whenever the ban came. */
export const checkBans: MakeChecker = (scene, fail) => {
  const bans = new Map<string, Ban>()
  const clients = new Map<number, string>()
  return {
    onEvent(event) {
      const { now } = scene.world
      if (event.kind === 'banned') {
        const prefix = parseCidr(event.prefix)
        if (prefix === undefined) fail(`a ban of ${event.prefix}, which is no prefix`)
        else if (!FOR_NEIGHBOURS.includes(event.reason))
          bans.set(event.prefix, { prefix, until: now + event.forMs - SLACK_MS })
      } else if (event.kind === 'unbanned') bans.delete(event.prefix)
      // A load balancer names whom it brings later than it connects.
      else if (event.kind === 'entered') clients.set(event.connection, event.client.ip)
      else if (event.kind === 'closed') clients.delete(event.connection)
      else if (event.kind === 'authenticated') {
        const { isEnabled, isDryRun } = scene.settings.guard
        const text = clients.get(event.connection)
        const ip = text === undefined ? undefined : parseIp(text)
        if (!isEnabled || isDryRun || ip === undefined) return
        for (const [name, { prefix, until }] of bans)
          if (until > now && cidrContains(prefix, ip)) fail(`${text} was recognised in spite of the ban of ${name}`)
      }
    },
    onCrash(how) {
      clients.clear()
      // What was not yet on the disk is lost with the power.
      if (how === 'power-cut') bans.clear()
    },
  }
}
