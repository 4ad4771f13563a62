import { beforeAll, describe, expect, it } from 'vitest'
import { parseCidr } from '../../../src/core/address.ts'
import { Prefixes } from '../../../src/core/guard/access/prefixes.ts'
import type { Settings } from '../../../src/core/settings.ts'
import { digestOf, type RecordedUser } from '../../../src/observe/trace/recorded.ts'
import type { Timeline } from '../../../sim/replay/timeline.ts'
import { record, replayed, scenarioOf, type Recording } from './recording.ts'

/** Quiet people, an office behind one address, and somebody who guesses secrets. */
const HOUR = `
name = "quiet-hour"
what = "People at home, an office behind one address, and some who guess secrets."
duration = "1h"
secrets = 2

[[honest]]
name = "homes"
users = 60
from = ["198.51.0.0/16", "2001:db8::/32"]
arrivals = { kind = "poisson", every = "3m" }

[[honest]]
name = "office"
users = 20
addresses = 1
from = ["203.0.113.0/24"]
arrivals = { kind = "poisson", every = "1m" }

[[attack]]
name = "guessers"
kind = "guess"
sources = 4
from = ["100.64.0.0/10"]
rate = "10/m"
start = "5m"
stop = "50m"
`

/** On a busy machine: there is a whole proxy with all its clients to be played. */
const HOUR_LIMIT_MS = 300_000
let hour: Recording
const settings = (): Settings => hour.scenario.settings
const withGuard = (guard: Partial<Settings['guard']>): Settings => ({
  ...settings(),
  guard: { ...settings().guard, ...guard },
})
const addressesOf = (group: string) => [...(hour.groups.get(group) ?? [])].sort()

beforeAll(() => {
  hour = record(scenarioOf(HOUR), 1)
}, HOUR_LIMIT_MS)

function prefixesOf(text: string): Prefixes {
  const prefixes = new Prefixes()
  const cidr = parseCidr(text)
  if (cidr !== undefined) prefixes.add(cidr)
  return prefixes
}

/** Users who share a host with those of the recording, or have another. */
function others(count: number, domain = settings().secrets[0].domain): Settings['secrets'] {
  const [first] = settings().secrets
  return Array.from({ length: count }, (_, at) => ({ ...first, name: `other-${at}`, domain }))
}

function withOthers(users: readonly RecordedUser[]): RecordedUser[] {
  const [first] = users
  return [...others(300).map(({ name }) => ({ ...first, name })), ...users]
}

describe('an hour of connections, played again', () => {
  it('is decided as it was recorded', () => {
    const { agreement, connections, served } = replayed(hour, settings())
    expect(connections).toBe(hour.connections)
    expect(served).toBeGreaterThan(1_000)
    expect(agreement.others).toEqual([])
    expect(agreement.same).toBe(connections)
  })

  it('differs in nothing by the same configuration', () => {
    const report = replayed(hour, settings())
    expect(report.newlyRefused).toEqual([])
    expect(report.newlyAdmitted).toEqual([])
    expect(report.newlyBanned).toEqual([])
    expect(report.noLongerBanned).toEqual([])
    expect(report.differing).toEqual([])
    expect(report.refusedBefore).toBeGreaterThan(0)
  })

  it('names the office, and nobody else, when an address may have three connections', () => {
    const { differing, newlyRefused } = replayed(hour, withGuard({ connectionsPerIp: 3, credit: 1 }))
    const victims = differing.filter(({ victims: count }) => count > 0).map(({ address }) => address)
    expect(victims).toEqual(addressesOf('office'))
    expect(newlyRefused.map(({ reason }) => reason)).toEqual(['connections'])
  })

  it('names those whom a new rule shuts out, and only them', () => {
    const access = { ...settings().access, deny: ['2001:db8::/32'] }
    const { differing, newlyRefused } = replayed(hour, { ...settings(), access })
    const ipv6 = addressesOf('homes').filter((ip) => ip.includes(':') && hour.served.has(ip))
    expect(ipv6.length).toBeGreaterThan(20)
    expect(differing.map(({ address }) => address).sort()).toEqual(ipv6)
    expect(newlyRefused.map(({ reason }) => reason)).toEqual(['access'])
  })

  it('names those whom a new list shuts out, and only them', () => {
    const source = 'offices.netset'
    const listed = new Map([[digestOf(source), prefixesOf('203.0.113.0/24')]])
    const access = { ...settings().access, lists: [{ source, level: 'none' as const, refreshMs: 1 }] }
    const { differing, newlyRefused } = replayed(hour, { ...settings(), access }, { listed })
    expect(differing.map(({ address }) => address)).toEqual(addressesOf('office'))
    expect(newlyRefused.map(({ reason }) => reason)).toEqual(['access'])
    expect(replayed(hour, { ...settings(), access }).differing).toEqual([])
  })

  it('names those of whom bans came too late', () => {
    const { newlyBanned } = replayed(hour, withGuard({ blockScore: 30 }))
    const { newlyBanned: none, noLongerBanned } = replayed(hour, withGuard({ blockScore: 10_000 }))
    expect(newlyBanned.map(({ prefix }) => prefix)).toEqual([])
    expect(none).toEqual([])
    expect(noLongerBanned.map(({ prefix }) => prefix).sort()).toEqual(addressesOf('guessers'))
  })

  it('tells who would come in again where limits are wider', () => {
    const { newlyAdmitted, unknown, newlyRefused } = replayed(hour, withGuard({ blockScore: 10_000 }))
    expect(newlyAdmitted.map(({ reason }) => reason)).toEqual(['banned'])
    expect(newlyAdmitted[0].sources.size).toBe(4)
    expect(unknown).toBe(newlyAdmitted[0].connections)
    expect(newlyRefused).toEqual([])
  })

  it('tells users of a smaller quota and of few connections', () => {
    const [first, second] = settings().secrets
    const none = { connectionsMax: 0, addressesMax: 0, bytesPerSec: 0, quota: undefined }
    const secrets = [
      { ...first, limits: { ...none, quota: { bytes: 1_000_000, period: 'day' as const } } },
      { ...second, limits: { ...none, connectionsMax: 2, bytesPerSec: 100 } },
    ]
    const { users } = replayed(hour, { ...settings(), secrets })
    const byName = new Map(users.map((user) => [user.name, user]))
    expect([...(byName.get(first.name)?.reasons ?? [])]).toEqual(['quota'])
    expect(byName.get(first.name)?.cut).toBeGreaterThan(0)
    expect([...(byName.get(second.name)?.reasons ?? [])]).toEqual(['user-connections'])
    expect(byName.get(second.name)?.crowdedMinutes).toBeGreaterThan(10)
  })

  it('tells whom the budget of trials no longer comes to, where there are more secrets than it pays for', () => {
    const refusedBehind = (count: number) => {
      const next = { ...settings(), secrets: [...others(count), ...settings().secrets] }
      const { newlyRefused, served } = replayed(hour, next)
      return {
        reasons: newlyRefused.map(({ reason }) => reason),
        share: newlyRefused.reduce((sum, each) => sum + each.served, 0) / served,
      }
    }
    const [some, most] = [refusedBehind(400), refusedBehind(8_000)]
    expect(some.reasons).toContain('trial-budget')
    expect(some.share).toBeLessThan(most.share)
    // Whose secret is hardly ever tried fails again and again.
    expect(most.share).toBeGreaterThan(0.5)
  })

  it('finds them in the budget where they have a host of their own', () => {
    const away = { ...settings(), secrets: [...others(300, 'other.example'), ...settings().secrets] }
    expect(replayed(hour, away).newlyRefused).toEqual([])
  })

  it('keeps in whom the budget came to when recorded, as their prefixes had used those secrets before', () => {
    const secrets = [...others(300), ...settings().secrets]
    const alter = (timeline: Timeline): Timeline => ({
      ...timeline,
      configs: timeline.configs.map((config) => ({ ...config, users: withOthers(config.users) })),
    })
    const { differing, agreement } = replayed(hour, { ...settings(), secrets }, { alter })
    expect(differing).toEqual([])
    expect(agreement.others).toEqual([])
  })

  it('does not ask the budget of trials of a recording without hosts', () => {
    const secrets = [...others(300), ...settings().secrets]
    const alter = (timeline: Timeline): Timeline => ({
      ...timeline,
      configs: timeline.configs.map((config) => ({
        ...config,
        users: config.users.map(({ host: _, ...user }) => user),
      })),
    })
    expect(replayed(hour, { ...settings(), secrets }, { alter }).differing).toEqual([])
  })

  it('says that a user is none of the new configuration', () => {
    const [first, second] = settings().secrets
    const { newlyRefused, users } = replayed(hour, { ...settings(), secrets: [first] })
    expect(newlyRefused.map(({ reason }) => reason)).toEqual(['no-secret'])
    expect(users.map(({ name }) => name)).toEqual([second.name])
  })
})

describe('without the key of the addresses', () => {
  it('limits are decided all the same, of pseudonyms', () => {
    const next = withGuard({ connectionsPerIp: 3, credit: 1 })
    const [withKey, without] = [replayed(hour, next), replayed(hour, next, { hasKey: false })]
    expect(without.newlyRefused.map(({ connections }) => connections)).toEqual(
      withKey.newlyRefused.map(({ connections }) => connections),
    )
    const shown = without.differing.map(({ address }) => address)
    expect(shown.length).toBe(withKey.differing.length)
    for (const address of addressesOf('office')) expect(shown).not.toContain(address)
  })

  it('rules on addresses are not evaluated', () => {
    const access = { ...settings().access, deny: ['0.0.0.0/0', '::/0'] }
    expect(replayed(hour, { ...settings(), access }, { hasKey: false }).differing).toEqual([])
    expect(replayed(hour, { ...settings(), access }).differing).not.toEqual([])
  })
})
