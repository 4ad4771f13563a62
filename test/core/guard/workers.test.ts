import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { Lease } from '../../../src/core/guard/lease.ts'
import type { Guard } from '../../../src/core/guard/guard.ts'
import { scene } from './scene.ts'

const WORKERS = 3
const MOST = 4
const SOURCES = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8:0:1::1']

type Step =
  | { readonly kind: 'come'; readonly worker: number; readonly source: number }
  | { readonly kind: 'greet' | 'authenticate' | 'close'; readonly pick: number }
  | { readonly kind: 'die'; readonly worker: number }
  | { readonly kind: 'wait'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('come' as const), worker: fc.nat(WORKERS - 1), source: fc.nat(3) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('greet' as const, 'authenticate' as const, 'close' as const),
      pick: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), worker: fc.nat(WORKERS - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(3_000) }) },
)

interface Open {
  readonly lease: Lease
  readonly worker: number
  readonly source: number
  isGreeted: boolean
  isRelaying: boolean
}

describe('the guard over several workers', () => {
  test.prop([fc.array(step, { maxLength: 250 })], { numRuns: 300 })(
    'admits exactly as many as a naive count says, whoever of them dies (I3)',
    (steps) => {
      const it = scene({
        settings: {
          connectionsPerIp: MOST,
          newPerIp: { perSec: 1_000_000, burst: 1_000_000 },
          credit: 1,
          handshakesPerIp: 2,
        },
        columns: WORKERS,
      })
      const guards: Guard[] = [...it.guards]
      let open: Open[] = []
      for (const each of steps) {
        if (each.kind === 'wait') it.now.ms += each.ms
        else if (each.kind === 'die') {
          open = open.filter(({ worker }) => worker !== each.worker)
          guards[(each.worker + 1) % WORKERS].takeBack(each.worker)
          guards[each.worker] = it.make(each.worker)
        } else if (each.kind === 'come') {
          const lease = new Lease()
          const refusal = guards[each.worker].admit(SOURCES[each.source], lease, 'standard', it.now.ms)
          const known = open.filter(({ source }) => source === each.source).length
          expect(refusal).toBe(known < MOST ? undefined : 'connections')
          const { worker, source } = each
          if (refusal === undefined) open.push({ lease, worker, source, isGreeted: false, isRelaying: false })
          else guards[each.worker].release(lease)
        } else if (open.length > 0) {
          const at = each.pick % open.length
          const one = open[at]
          const guard = guards[one.worker]
          if (each.kind === 'close') {
            guard.release(one.lease)
            open.splice(at, 1)
          } else if (each.kind === 'greet' && !one.isGreeted) {
            const greeting = open.filter((other) => other.source === one.source && other.isGreeted && !other.isRelaying)
            expect(guard.greet(one.lease, 'standard', it.now.ms)).toBe(greeting.length < 2 ? undefined : 'handshakes')
            if (greeting.length >= 2) {
              guard.release(one.lease)
              open.splice(at, 1)
            } else one.isGreeted = true
          } else if (each.kind === 'authenticate' && one.isGreeted && !one.isRelaying) {
            guard.authenticated(SOURCES[one.source], one.lease, it.now.ms)
            one.isRelaying = true
          }
        }
      }
      for (const { lease, worker } of open) guards[worker].release(lease)
      for (const source of SOURCES)
        for (let i = 0; i < MOST; i++)
          expect(guards[0].admit(source, new Lease(), 'standard', it.now.ms)).toBeUndefined()
    },
  )

  it('shares bans, rates and the total among them', () => {
    const { guards, now } = scene({
      settings: { newPerIp: { perSec: 1, burst: 6 }, newTotal: { perSec: 1, burst: 8 } },
      columns: WORKERS,
    })
    const come = (ip: string, worker: number) => guards[worker].admit(ip, new Lease(), 'standard', now.ms)
    expect([0, 1, 2, 0, 1, 2, 0, 1].map((worker) => come('192.0.2.1', worker))).toEqual([
      ...Array.from({ length: 6 }, () => undefined),
      'rate',
      'rate',
    ])
    expect([come('192.0.2.2', 2), come('192.0.2.3', 1)]).toEqual(['total-rate', 'total-rate'])
    for (let i = 0; i < 4; i++) {
      now.ms += 5_000
      const lease = new Lease()
      guards[i % 3].admit('198.51.100.1', lease, 'standard', now.ms)
      guards[i % 3].failed('198.51.100.1', lease, 'replay', now.ms)
    }
    now.ms += 10_000
    expect([0, 1, 2].map((worker) => come('198.51.100.1', worker))).toEqual(['banned', 'banned', 'banned'])
  })

  it('takes the place of a worker that died while it held a set', () => {
    const { guards, memory, now } = scene({ settings: { connectionsPerIp: 1 }, columns: 2 })
    guards[1].admit('192.0.2.1', new Lease(), 'standard', now.ms)
    const { bytes } = memory.open('sources', 0)
    const locks = new Int32Array(bytes.buffer, 64 + 8 * 1024, 128)
    locks.fill(2)
    guards[0].takeBack(1)
    expect([...locks].every((word) => word === 0)).toBe(true)
    expect(guards[0].admit('192.0.2.1', new Lease(), 'standard', now.ms)).toBeUndefined()
  })
})

describe('the table of sources', () => {
  it('remembers who was bad, whoever comes and does no harm', () => {
    const { guard, come, fail, now } = scene({ entries: 4096, settings: { newTotal: { perSec: 1e9, burst: 1e9 } } })
    fail('203.0.113.3', 'replay', 3)
    const lease = new Lease()
    for (let i = 0; i < 100_000; i++) {
      guard.admit(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, lease, 'standard', now.ms)
      guard.release(lease)
    }
    expect(fail('203.0.113.3', 'replay')).toBeUndefined()
    expect(come('203.0.113.3').refusal).toBe('banned')
  })
})
