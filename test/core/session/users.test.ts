import { describe, expect, it } from 'vitest'
import { concat } from '../../../src/core/protocol/bytes.ts'
import { NO_LIMITS, type UserLimits } from '../../../src/core/settings.ts'
import { helloOf, initOf, insideTls, scene, settingsWith, type Changes, type Scene } from './scene.ts'

const SECOND_IP = '10.0.0.22'
const GUARDED = { isEnabled: true, limitedBytesPerSec: 50_000 }

const limited = (limits: Partial<UserLimits>, more: Changes['secret'] = {}) => ({
  secret: { limits: { ...NO_LIMITS, ...limits }, ...more },
})

/** A client in relay, and the DC at the other end of it. */
function relayed(of: Scene, from?: string) {
  const before = of.dcs.length
  const client = of.dial(initOf(of).wire, from)
  of.world.runFor(200)
  return { client, dc: of.dcs.at(before) }
}

const usersOf = (of: Scene) => [...of.proxy.users()]

describe('the limits of a user', () => {
  it('keep out a connection too many, until one of them is closed', () => {
    const of = scene(limited({ connectionsMax: 2 }))
    const first = relayed(of)
    relayed(of, SECOND_IP)
    expect(relayed(of).dc).toBeUndefined()
    expect(of.reasons('rejected')).toEqual(['user-connections'])
    expect(of.sites).toHaveLength(1)
    expect(usersOf(of)).toMatchObject([{ name: 'a', connections: 2, addresses: 2, open: 2 }])
    first.client.connection.reset()
    of.world.runFor(200)
    expect(relayed(of).dc).toBeDefined()
  })

  it('count addresses, not the connections from them', () => {
    const of = scene(limited({ addressesMax: 1 }))
    const first = relayed(of)
    const second = relayed(of)
    expect(relayed(of, SECOND_IP).dc).toBeUndefined()
    first.client.connection.reset()
    of.world.runFor(200)
    expect(relayed(of, SECOND_IP).dc).toBeUndefined()
    second.client.connection.reset()
    of.world.runFor(200)
    expect(relayed(of, SECOND_IP).dc).toBeDefined()
    expect(of.reasons('rejected')).toEqual(['user-addresses', 'user-addresses'])
  })

  it.each([0, 3])('are given back by a client whose hello is a replay (a vault that takes %s ms)', (vaultTakesMs) => {
    const of = scene({ ...limited({ connectionsMax: 1 }), vaultTakesMs })
    const hello = helloOf(of)
    const first = of.dial(hello)
    of.world.runFor(200)
    first.connection.reset()
    of.world.runFor(200)
    of.dial(hello)
    of.world.runFor(200)
    expect(of.reasons('rejected')).toEqual(['replay'])
    // It is masked, and holds nothing of the user's meanwhile.
    expect(of.proxy.open).toBe(1)
    expect(usersOf(of)).toMatchObject([{ connections: 0, addresses: 0, open: 0 }])
    expect(relayed(of).dc).toBeDefined()
  })

  it('hold for the time between hello and init as well', () => {
    const of = scene(limited({ connectionsMax: 1 }))
    of.dial(helloOf(of))
    of.world.runFor(200)
    of.dial(helloOf(of))
    of.world.runFor(200)
    expect(of.reasons('rejected')).toEqual(['user-connections'])
  })

  it('set by a reload count those who are there already, and cut nobody', () => {
    const of = scene()
    relayed(of)
    relayed(of, SECOND_IP)
    of.proxy.apply(settingsWith(limited({ connectionsMax: 2 })))
    expect(relayed(of).dc).toBeUndefined()
    of.proxy.apply(settingsWith(limited({ connectionsMax: 1, addressesMax: 1 })))
    of.world.runFor(5_000)
    expect(of.proxy.open).toBe(3)
    of.proxy.apply(settingsWith())
    expect(relayed(of).dc).toBeDefined()
  })

  it('end with the connections of a removed user that are let run on', () => {
    const of = scene(limited({ connectionsMax: 5 }, { onRemove: 'drain' }))
    const { client } = relayed(of)
    of.proxy.apply(settingsWith({ secrets: [{ ...settingsWith().secrets[0], id: 9, name: 'b' }] }))
    expect(usersOf(of)).toMatchObject([
      { name: 'a', connections: 1 },
      { name: 'b', connections: 0 },
    ])
    client.connection.reset()
    of.world.runFor(200)
    expect(usersOf(of).map(({ name }) => name)).toEqual(['b'])
  })
})

describe('the quota of a user', () => {
  const QUOTA = { quota: { bytes: 100_000, period: 'day' as const } }

  it.each([true, false])('ends a download with its last byte, and keeps newcomers out (fake TLS: %s)', (isTls) => {
    const of = scene(limited(QUOTA))
    const init = initOf(of, 2, isTls)
    const client = of.dial(isTls ? [helloOf(of), insideTls(init.wire)] : init.wire)
    of.world.runFor(500)
    of.dcs[0].send(new Uint8Array(60_000))
    of.world.runFor(500)
    expect(client.events).toEqual([])
    const before = client.receivedBytes
    of.dcs[0].send(new Uint8Array(300_000))
    of.world.runFor(5_000)
    expect(of.reasons('closed')).toEqual(['quota'])
    const overhead = isTls ? 100 : 0
    expect(client.receivedBytes - before).toBeGreaterThanOrEqual(40_000)
    expect(client.receivedBytes - before).toBeLessThanOrEqual(40_000 + overhead)
    expect(usersOf(of)[0].quota).toEqual({ ...QUOTA.quota, usedBytes: 100_000 })
    expect(relayed(of).dc).toBeUndefined()
    expect(of.reasons('rejected')).toEqual(['quota'])
    of.world.clock.stepWall(86_400)
    expect(relayed(of).dc).toBeDefined()
  })

  it('counts what a client sends, behind its init and later', () => {
    const of = scene(limited(QUOTA))
    const init = initOf(of)
    const client = of.dial(concat(init.wire, init.seal(new Uint8Array(30_000))))
    of.world.runFor(500)
    expect(usersOf(of)[0].quota?.usedBytes).toBe(30_000)
    client.send(new Uint8Array(90_000))
    of.world.runFor(2_000)
    expect(of.reasons('closed')).toEqual(['quota'])
    expect(of.dcs[0].receivedBytes).toBe(64 + 100_000)
  })

  it('counts for connections that were there before a reload set it', () => {
    const of = scene()
    const { dc } = relayed(of)
    dc?.send(new Uint8Array(500_000))
    of.world.runFor(2_000)
    of.proxy.apply(settingsWith(limited(QUOTA)))
    dc?.send(new Uint8Array(200_000))
    of.world.runFor(2_000)
    expect(of.reasons('closed')).toEqual(['quota'])
    expect(of.proxy.totals.dcToClientBytes).toBe(600_000)
  })
})

describe('the bandwidth of a user', () => {
  const RATE = 100_000

  /** What clients have got by then, in bytes, second by second. */
  function speeds(of: Scene, clients: readonly { readonly receivedBytes: number }[], seconds: number) {
    return Array.from({ length: seconds }, () => {
      of.world.runFor(1_000)
      return clients.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0)
    })
  }

  it('holds over all of its connections, and each gets its share', () => {
    const of = scene({ ...limited({ bytesPerSec: RATE }), plan: { segmentBytes: 4_096, windowBytes: 8_192 } })
    const all = Array.from({ length: 4 }, () => relayed(of))
    for (const { dc } of all) dc?.send(new Uint8Array(4_000_000))
    const clients = all.map(({ client }) => client)
    const total = speeds(of, clients, 30)
    // At most a second's worth at once, and behind it what a read of each connection brings.
    total.forEach((bytes, at) => expect(bytes).toBeLessThanOrEqual(RATE * (at + 2) + 4 * 8_192))
    expect(total[29]).toBeGreaterThanOrEqual(RATE * 29)
    for (const { receivedBytes } of clients) expect(receivedBytes).toBeGreaterThan(total[29] / 8)
    expect(of.reasons('closed')).toEqual([])
  })

  it('holds for both directions together', () => {
    const of = scene(limited({ bytesPerSec: RATE }))
    const { client, dc } = relayed(of)
    client.send(new Uint8Array(2_000_000))
    dc?.send(new Uint8Array(2_000_000))
    of.world.runFor(20_000)
    const bytes = client.receivedBytes + (dc?.receivedBytes ?? 0) - 64
    expect(bytes).toBeLessThanOrEqual(RATE * 21 + 2 * 65_536)
    expect(bytes).toBeGreaterThanOrEqual(RATE * 19)
    expect(Math.min(client.receivedBytes, dc?.receivedBytes ?? 0)).toBeGreaterThan(RATE * 5)
  })

  it('wakes everybody once it is lifted, and everything arrives', () => {
    const of = scene(limited({ bytesPerSec: 8_000 }))
    const all = Array.from({ length: 3 }, () => relayed(of))
    for (const { client, dc } of all) {
      client.send(new Uint8Array(300_000))
      dc?.send(new Uint8Array(300_000))
    }
    of.world.runFor(3_000)
    expect(all.every(({ client }) => client.receivedBytes < 300_000)).toBe(true)
    of.proxy.apply(settingsWith())
    of.world.runFor(10_000)
    expect(all.map(({ client, dc }) => [client.receivedBytes, dc?.receivedBytes])).toEqual(
      Array.from({ length: 3 }, () => [300_000, 300_064]),
    )
  })

  it('goes together with a client that reads slowly: all of it arrives, then the end', () => {
    const of = scene({
      ...limited({ bytesPerSec: 50_000 }),
      memory: { perConnectionBytes: 65_536 },
      plan: { windowBytes: 4_096 },
    })
    const { client, dc } = relayed(of)
    dc?.send(new Uint8Array(400_000))
    dc?.end()
    of.world.runFor(2_000)
    client.connection.pause()
    of.world.runFor(20_000)
    client.connection.resume()
    of.world.runFor(120_000)
    expect([client.receivedBytes, ...client.events]).toEqual([400_000, 'end'])
  })

  it('that takes longer than the idle timeout is no silence', () => {
    const of = scene({ ...limited({ bytesPerSec: 8_000 }), relay: { idleTimeoutMs: 3_000 } })
    const { client, dc } = relayed(of)
    dc?.send(new Uint8Array(200_000))
    of.world.runFor(40_000)
    expect(client.receivedBytes).toBe(200_000)
    expect(of.reasons('closed')).toEqual(['idle'])
  })

  it.each(['address', 'user'] as const)('of level "limited" holds for each address, where %s has it', (who) => {
    const of = scene()
    const settings = settingsWith(
      who === 'user' ? { secret: { access: 'limited' } } : { access: { default: 'limited' } },
    )
    of.proxy.apply({ ...settings, guard: { ...settings.guard, ...GUARDED } })
    const all = [relayed(of), relayed(of), relayed(of, SECOND_IP)]
    for (const { dc } of all) dc?.send(new Uint8Array(4_000_000))
    of.world.runFor(20_000)
    const [a, b, c] = all.map(({ client }) => client.receivedBytes)
    for (const bytes of [a + b, c]) {
      expect(bytes).toBeGreaterThanOrEqual(50_000 * 19)
      expect(bytes).toBeLessThanOrEqual(50_000 * 21 + 2 * 65_536)
    }
    of.proxy.apply(settings)
    of.world.runFor(5_000)
    expect(all.map(({ client }) => client.receivedBytes)).toEqual([4_000_000, 4_000_000, 4_000_000])
  })
})

describe('the time of a user', () => {
  it.each(['close', 'drain'] as const)('ends live connections as its removal would: %s', (onRemove) => {
    const of = scene()
    const expiresAt = of.world.clock.wall() + 60
    of.proxy.apply(settingsWith({ secret: { expiresAt, onRemove } }))
    relayed(of)
    of.dial(helloOf(of))
    of.world.runFor(40_000)
    expect(of.reasons('closed')).toEqual([])
    of.world.runFor(40_000)
    expect(of.reasons('closed')).toEqual(onRemove === 'close' ? ['secret-expired', 'secret-expired'] : [])
    expect(relayed(of).dc).toBeUndefined()
    expect(of.reasons('rejected')).toEqual(['expired'])
  })
})
