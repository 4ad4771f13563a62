import { cidrContains, parseCidr, parseIp, type Cidr } from '../../src/core/address.ts'
import type { MakeChecker } from './index.ts'

interface Ban {
  readonly prefix: Cidr
  /** Virtual ms. */
  readonly since: number
  readonly until: number
}

/** A connection whose hello was right. */
interface Entry {
  readonly ip: string
  readonly at: number
}

/** The proxy learns of the time once a tick, and its clock drifts. */
const SLACK_MS = 500
/** Bans of a prefix for what some of it did, which does not hold for those in it who are known. */
const FOR_NEIGHBOURS: readonly string[] = ['children', 'prefix']

/** I4: nobody who is banned is recognised, whatever it says and whenever the ban came. */
export const checkBans: MakeChecker = (scene, fail) => {
  const bans = new Map<string, Ban>()
  const entries = new Map<number, Entry>()
  return {
    onEvent(event) {
      const { now } = scene.world
      if (event.kind === 'banned') {
        const prefix = parseCidr(event.prefix)
        if (prefix === undefined) fail(`a ban of ${event.prefix}, which is no prefix`)
        else if (!FOR_NEIGHBOURS.includes(event.reason))
          bans.set(event.prefix, { prefix, since: now, until: now + event.forMs - SLACK_MS })
      } else if (event.kind === 'unbanned') bans.delete(event.prefix)
      else if (event.kind === 'entered') entries.set(event.connection, { ip: event.client.ip, at: now })
      else if (event.kind === 'closed') entries.delete(event.connection)
      else if (event.kind === 'authenticated') {
        const { isEnabled, isDryRun } = scene.settings.guard
        const entry = entries.get(event.connection)
        const ip = entry === undefined ? undefined : parseIp(entry.ip)
        if (!isEnabled || isDryRun || entry === undefined || ip === undefined) return
        // Behind fake TLS the init comes when our answer is out: a ban in between is too late for it.
        for (const [name, { prefix, since, until }] of bans)
          if (since <= entry.at && entry.at < until && cidrContains(prefix, ip))
            fail(`${entry.ip} was recognised in spite of the ban of ${name}`)
      }
    },
    onCrash(how) {
      entries.clear()
      // What was not yet on the disk is lost with the power.
      if (how === 'power-cut') bans.clear()
    },
  }
}
