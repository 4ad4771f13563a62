import { cidrContains, parseCidr, parseIp, type Cidr } from '../../src/core/address.ts'
import type { MakeChecker } from './index.ts'

interface Ban {
  readonly prefix: Cidr
  /** Virtual ms. */
  readonly until: number
}

/** A connection whose hello was right. */
interface Entry {
  readonly ip: string
  /** The ban that held then. Behind fake TLS the init comes when our answer is out: a ban in between is too late for it. */
  readonly ban: string | undefined
}

/** The proxy learns of the time once a tick, and its clock drifts. */
const SLACK_MS = 500
/** Bans of a prefix for what some of it did, which does not hold for those in it who are known. */
const FOR_NEIGHBOURS: readonly string[] = ['children', 'prefix']

/** I4: nobody who is banned is recognised, whatever it says and whenever the ban came. */
export const checkBans: MakeChecker = (scene, fail) => {
  const bans = new Map<string, Ban>()
  const entries = new Map<number, Entry>()
  const banOf = (text: string, now: number): string | undefined => {
    const ip = parseIp(text)
    if (ip === undefined) return undefined
    return [...bans].find(([, { prefix, until }]) => now < until && cidrContains(prefix, ip))?.[0]
  }
  return {
    onEvent(event) {
      const { now } = scene.world
      if (event.kind === 'banned') {
        const prefix = parseCidr(event.prefix)
        if (prefix === undefined) fail(`a ban of ${event.prefix}, which is no prefix`)
        else if (!FOR_NEIGHBOURS.includes(event.reason))
          bans.set(event.prefix, { prefix, until: now + event.forMs - SLACK_MS })
      } else if (event.kind === 'unbanned') bans.delete(event.prefix)
      else if (event.kind === 'entered') {
        const { ip } = event.client
        entries.set(event.connection, { ip, ban: banOf(ip, now) })
      } else if (event.kind === 'closed') entries.delete(event.connection)
      else if (event.kind === 'authenticated') {
        const { isEnabled, isDryRun } = scene.settings.guard
        const entry = entries.get(event.connection)
        if (isEnabled && !isDryRun && entry?.ban !== undefined)
          fail(`${entry.ip} was recognised in spite of the ban of ${entry.ban}`)
      }
    },
    onCrash(how) {
      entries.clear()
      // What was not yet on the disk is lost with the power.
      if (how === 'power-cut') bans.clear()
    },
  }
}
