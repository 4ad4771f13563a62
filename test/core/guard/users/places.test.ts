import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { Place, Places } from '../../../../src/core/guard/users/places.ts'
import { UserRows } from '../../../../src/core/guard/users/rows.ts'
import { NO_LIMITS, type UserLimits } from '../../../../src/core/settings.ts'
import { World } from '../../../../sim/world/world.ts'
import { Memory } from '../scene.ts'

const WORKERS = 3
const USERS = ['alice', 'bob']
/** The first two are one source, as are the next two. */
const IPS = ['2001:db8::1', '2001:db8::ffff', '192.0.2.1', '192.0.2.1', '192.0.2.2', '2001:db8:0:1::1']
const SOURCE_OF = [0, 0, 1, 1, 2, 3]

function open(columns = WORKERS, entries = 64) {
  const memory = new Memory()
  const random = new World(1).random('users')
  const make = (column: number) =>
    new Places({ memory, random, entries, nowMs: 1_000_000, worker: { column, columns } })
  return { memory, make, all: Array.from({ length: columns }, (_, column) => make(column)) }
}

const take = (places: Places, user: string, ip: string, limits: Partial<UserLimits> = {}) => {
  const place = new Place()
  const refusal = places.take(place, UserRows.keyOf(user), ip, 64, { ...NO_LIMITS, ...limits }, 1_000_000)
  return { place, refusal }
}

type Step =
  | { readonly kind: 'take'; readonly worker: number; readonly user: number; readonly ip: number }
  | { readonly kind: 'give'; readonly pick: number }
  | { readonly kind: 'die'; readonly worker: number; readonly holdsLock: boolean }
  | { readonly kind: 'limit'; readonly connections: number; readonly addresses: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      worker: fc.nat(WORKERS - 1),
      user: fc.nat(USERS.length - 1),
      ip: fc.nat(IPS.length - 1),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('give' as const), pick: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('die' as const), worker: fc.nat(WORKERS - 1), holdsLock: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('limit' as const), connections: fc.nat(5), addresses: fc.nat(3) }),
  },
)

interface Held {
  readonly place: Place
  readonly worker: number
  readonly user: number
  readonly source: number
}

describe('places of users', () => {
  test.prop([fc.array(step, { maxLength: 120 })], { numRuns: 60 })(
    'are as many as a naive count says, over all workers and whoever of them dies (I3)',
    (steps) => {
      const { make, all, memory } = open()
      let limits = { connectionsMax: 4, addressesMax: 2 }
      let held: Held[] = []
      const of = (user: number) => held.filter((each) => each.user === user)
      const sourcesOf = (user: number) => new Set(of(user).map(({ source }) => source))
      for (const each of steps) {
        if (each.kind === 'limit') limits = { connectionsMax: each.connections, addressesMax: each.addresses }
        else if (each.kind === 'die') {
          held = held.filter(({ worker }) => worker !== each.worker)
          const lock = new Int32Array(memory.open('users', 0).bytes.buffer, 12, 1)
          if (each.holdsLock) lock[0] = each.worker + 1
          all[(each.worker + 1) % WORKERS].takeBack(each.worker)
          expect(lock[0]).toBe(0)
          all[each.worker] = make(each.worker)
        } else if (each.kind === 'give') {
          if (held.length === 0) continue
          const [one] = held.splice(each.pick % held.length, 1)
          all[one.worker].give(one.place)
          // A second time is harmless.
          all[one.worker].give(one.place)
        } else {
          const { worker, user, ip } = each
          const source = SOURCE_OF[ip]
          const { connectionsMax, addressesMax } = limits
          const isFull = connectionsMax > 0 && of(user).length >= connectionsMax
          const isNew = !sourcesOf(user).has(source)
          const isElsewhere = addressesMax > 0 && isNew && sourcesOf(user).size >= addressesMax
          const { place, refusal } = take(all[worker], USERS[user], IPS[ip], limits)
          expect(refusal).toBe(isFull ? 'user-connections' : isElsewhere ? 'user-addresses' : undefined)
          if (refusal === undefined) held.push({ place, worker, user, source })
        }
        USERS.forEach((name, user) => {
          const { rows, addresses } = all[0]
          const row = rows.find(UserRows.keyOf(name))
          expect(row < 0 ? 0 : rows.connections(row)).toBe(of(user).length)
          expect(row < 0 ? 0 : addresses.distinct(row)).toBe(sourcesOf(user).size)
        })
      }
    },
  )

  it('mend sums that a worker left half done', () => {
    const { all, memory } = open()
    take(all[0], 'alice', '192.0.2.2')
    take(all[1], 'alice', '192.0.2.1')
    const row = all[0].rows.find(UserRows.keyOf('alice'))
    // It died behind its own count of a second connection from another address, before the sums.
    all[1].rows.placesLock.acquire(0)
    const { bytes } = memory.open('users', 0)
    const rows = new Int32Array(bytes.buffer, 64, 16_384 * 16)
    const own = new Int32Array(bytes.buffer, 64 + 4 * (16_384 * 17 + 16_384))
    own[row]++
    rows[row * 16 + 10] = 7
    all[0].takeBack(1)
    expect([all[0].rows.connections(row), all[0].addresses.distinct(row)]).toEqual([1, 1])
  })

  it('are refused to whom cannot be counted, where addresses are limited and every entry is taken (I5)', () => {
    const { all, memory } = open(1)
    const before = memory.bytesInUse
    const refusals = Array.from({ length: 65 }, (_, at) => take(all[0], 'alice', `192.0.2.${at}`).refusal)
    expect(refusals.every((refusal) => refusal === undefined)).toBe(true)
    const { refusal } = take(all[0], 'bob', '198.51.100.1', { addressesMax: 100 })
    expect(refusal).toBe('user-addresses')
    expect(memory.bytesInUse).toBe(before)
  })

  it('make room for new users, never in the place of one with connections (I5)', () => {
    const { all } = open(1)
    const [places] = all
    take(places, 'alice', '192.0.2.1')
    for (let at = 0; at < 20_000; at++) places.give(take(places, `user ${at}`, '192.0.2.2').place)
    const row = places.rows.find(UserRows.keyOf('alice'))
    expect(places.rows.connections(row)).toBe(1)
    expect([...places.rows.taken()].length).toBe(16_384)
    expect(take(places, 'alice', '192.0.2.1', { connectionsMax: 1 }).refusal).toBe('user-connections')
  })
})
