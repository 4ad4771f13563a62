import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { UNREAD_BYTES_MAX, WAITING_MAX } from '../../../src/vault/helper/client.ts'
import { foundFrame, macFrame, readAnswer } from '../../../src/vault/helper/answers.ts'
import { listenFrame, RANDOM_MAX } from '../../../src/vault/helper/requests.ts'
import { MemoryVault } from '../../../src/vault/memory.ts'
import { seeded } from '../../core/seeded.ts'
import { clientHelloFor, helloFor } from '../hellos.ts'
import { TIMEOUT_MS, World } from './world.ts'

const key = (digit: number) => new Uint8Array(16).fill(digit)

const SIDE = { key: new Uint8Array(32), iv: new Uint8Array(16) }
const KEYS = { kind: 'init' as const, fromClient: SIDE, toClient: SIDE, plain: new Uint8Array(64) }

/** A world in which the helper has ann, bob and cid, and the vault uses them as 1, 2 and 3. */
function open(): World {
  const world = new World()
  for (const [at, label] of ['ann', 'bob', 'cid'].entries()) {
    world.far.keys.set(label, key(at + 1))
    world.vault.put(at + 1, label)
  }
  world.wire.open()
  world.exchange()
  return world
}

function ask(world: World, digit: number, candidates = [1, 2, 3]): unknown[] {
  const answers: unknown[] = []
  world.vault.match(helloFor(key(digit)), candidates, (match, trials) =>
    answers.push([typeof match === 'object' ? match.id : match, trials]),
  )
  return answers
}

function sign(world: World, id: number): unknown[] {
  const macs: unknown[] = []
  world.vault.sign({ id, generation: 0 }, [key(9), key(8)], (mac) => macs.push(hexOf(mac)))
  return macs
}

function hexOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('hex')
}

/** The same whatever kind of byte array it has, and in whatever order its fields stand. */
function plain(found: unknown): unknown {
  if (found instanceof Uint8Array) return hexOf(found)
  if (typeof found !== 'object' || found === null) return found
  return Object.fromEntries(Object.entries(found).map(([name, inner]) => [name, plain(inner)]))
}

describe('a vault in a helper', () => {
  it('hears of troubles of the token, as the only one of all processes', () => {
    const world = open()
    const others: Uint8Array[] = []
    world.desks.open((frame) => others.push(frame)).heard(listenFrame())
    world.desks.tell({ kind: 'error', code: 'CKR_DEVICE_ERROR' })
    world.desks.tell({ kind: 'pin-refused' })
    world.exchange()
    expect(world.troubles).toEqual([{ kind: 'error', code: 'CKR_DEVICE_ERROR' }, { kind: 'pin-refused' }])
    expect(others).toHaveLength(1)
    // Once it is gone, the next one is told.
    world.wire.close()
    world.desks.tell({ kind: 'pin-refused' })
    expect(others.map((frame) => readAnswer(frame.subarray(4))?.kind)).toEqual(['state', 'trouble'])
  })

  it('answers as software does, in one round trip', () => {
    const world = open()
    const memory = new MemoryVault()
    for (const id of [1, 2, 3]) memory.put(id, key(id))
    const hellos = [1, 2, 3, 4].flatMap((digit) => [
      helloFor(key(digit)),
      clientHelloFor(key(digit), 1_800_000_000, seeded(digit)),
    ])
    for (const hello of hellos) {
      const [far, near]: [unknown[], unknown[]] = [[], []]
      world.vault.match(hello, [1, 2, 3], (...answer) => far.push(plain(answer)))
      memory.match(hello, [1, 2, 3], (...answer) => near.push(plain(answer)))
      expect([far.length, world.wire.toDesk.length]).toEqual([0, 1])
      world.exchange(3)
      expect(far).toEqual(near)
    }
    const near: unknown[] = []
    memory.sign({ id: 2, generation: 0 }, [key(9), key(8)], (mac) => near.push(hexOf(mac)))
    const far = sign(world, 2)
    world.exchange()
    expect(far).toEqual(near)
  })

  it('asks once for a hello with sixteen candidates, and once for a signature', () => {
    const world = open()
    const candidates = Array.from({ length: 16 }, (_, at) => at + 1)
    for (const id of candidates.slice(3)) world.vault.put(id, 'cid')
    world.exchange()
    const answers = ask(world, 9, candidates)
    const macs = sign(world, 2)
    expect(world.wire.toDesk.length).toBe(2)
    world.wire.serve()
    expect(world.wire.toVault.length).toBe(2)
    world.wire.deliver()
    expect(answers).toEqual([[undefined, 16]])
    expect(macs).toHaveLength(1)
  })

  it("gives bytes of the token's generator, as many as were asked for, or none", () => {
    const world = open()
    const given: unknown[] = []
    const random = (count: number) => world.vault.random(count, (bytes) => given.push(bytes?.length))
    random(1)
    random(RANDOM_MAX)
    world.exchange()
    world.far.isReachable = false
    random(1)
    world.exchange()
    random(1)
    world.after(TIMEOUT_MS)
    random(2)
    world.wire.drop()
    expect(given).toEqual([1, RANDOM_MAX, undefined, undefined, undefined])
  })

  it('passes over ids that it does not know, without a question where it knows none', () => {
    const world = open()
    expect(ask(world, 1, [7, 8])).toEqual([[undefined, 0]])
    expect(sign(world, 7)).toEqual([undefined])
    const answers = ask(world, 2, [7, 1, 2])
    world.exchange()
    expect(answers).toEqual([[2, 2]])
    world.vault.remove(2)
    const after = ask(world, 2)
    world.exchange()
    expect(after).toEqual([[undefined, 2]])
  })

  it('fails a question that is not answered in time, once, and hears no late answer', () => {
    const world = open()
    const answers = [ask(world, 1), sign(world, 1)]
    world.wire.serve()
    world.after(TIMEOUT_MS - 1)
    expect(answers).toEqual([[], []])
    world.after(1)
    expect(answers).toEqual([[['failed', 0]], [undefined]])
    world.wire.deliver()
    expect(answers).toEqual([[['failed', 0]], [undefined]])
    expect(world.vault.isReachable).toBe(true)
    const next = ask(world, 3)
    world.exchange()
    expect(next).toEqual([[3, 3]])
  })

  it('costs the helper nothing once nobody waits for the answer', () => {
    const world = open()
    ask(world, 1)
    sign(world, 1)
    world.after(TIMEOUT_MS)
    world.wire.serve()
    expect(world.wire.toVault.map((frame) => frame[4])).toEqual([1, 0])
  })

  it('fails at once while it cannot be reached, and uses the labels anew when it can', () => {
    const world = open()
    const waiting = [ask(world, 1), sign(world, 2)]
    world.wire.drop()
    expect(waiting).toEqual([[['failed', 0]], [undefined]])
    expect(ask(world, 1)).toEqual([['failed', 0]])
    expect(world.vault.isReachable).toBe(false)
    world.after(50)
    expect(world.wires.length).toBe(2)
    world.far.keys.set('ann', key(7))
    world.wire.open()
    const answers = ask(world, 7)
    world.exchange()
    expect(answers).toEqual([[1, 1]])
  })

  it('dials ever more rarely, down to five times a second, and at once after one that answered', () => {
    const world = open()
    world.wire.drop()
    const dials: number[] = []
    for (let ms = 0; ms < 1000; ms += 10) {
      const before = world.wires.length
      world.after(10)
      if (world.wires.length === before) continue
      dials.push(ms + 10)
      world.wire.drop()
    }
    expect(dials).toEqual([50, 150, 350, 550, 750, 950])
    world.after(1000)
    world.wire.open()
    ask(world, 1)
    world.exchange()
    world.wire.drop()
    const before = world.wires.length
    world.after(50)
    expect(world.wires.length).toBe(before + 1)
  })

  it.each([
    ['garbage', Uint8Array.of(3, 0, 0, 0, 1, 2, 3)],
    ['a frame of no bytes', new Uint8Array(4)],
    ['a MAC for a match', macFrame(1, new Uint8Array(32))],
    ['a candidate that was none', foundFrame(1, 1, 3, KEYS)],
    ['another kind of match', foundFrame(1, 1, 0, { kind: 'client-hello', generation: 0, stamp: 1 })],
  ])('gives up a helper that says %s', (_what, said) => {
    const world = open()
    const answers = [ask(world, 1), ask(world, 2)]
    world.wire.say(said)
    expect(answers).toEqual([[['failed', 0]], [['failed', 0]]])
    expect([world.wire.isClosed, world.vault.isReachable]).toEqual([true, false])
  })

  it('knows whether the helper has its token, on every connection', () => {
    const world = open()
    const seen = [world.vault.isReachable]
    const tell = (isReachable: boolean) => {
      world.far.isReachable = isReachable
      world.desks.look()
      world.desks.look()
      expect(world.wire.toVault.length).toBe(1)
      world.wire.deliver()
      seen.push(world.vault.isReachable)
    }
    tell(false)
    tell(true)
    tell(false)
    world.wire.drop()
    world.after(50)
    world.wire.open()
    world.exchange()
    seen.push(world.vault.isReachable)
    tell(true)
    expect(seen).toEqual([true, false, true, false, false, true])
  })

  it('is not asked more than it can be behind', () => {
    const world = open()
    const answers: unknown[][] = []
    for (let i = 0; i < WAITING_MAX; i++) answers.push(ask(world, 1))
    expect(ask(world, 1)).toEqual([['failed', 0]])
    world.exchange()
    expect(answers.every(([only, ...more]) => String(only) === '1,1' && more.length === 0)).toBe(true)
    world.wire.waitingBytes = UNREAD_BYTES_MAX + 1
    expect(ask(world, 1)).toEqual([['failed', 0]])
    world.wire.waitingBytes = 0
    const more = ask(world, 1)
    world.exchange()
    expect(more).toEqual([[1, 1]])
  })

  it('says failed to what waits when it is closed, and from then on', () => {
    const world = open()
    const answers = ask(world, 1)
    world.vault.close()
    world.after(10_000)
    expect([answers, ask(world, 1), world.wires.length]).toEqual([[['failed', 0]], [['failed', 0]], 1])
  })
})

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('match' as const), digit: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('sign' as const), digit: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 49, 700, TIMEOUT_MS) }),
    fc.record({ do: fc.constant('deliver' as const), chunk: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ do: fc.constantFrom('serve', 'open', 'drop', 'put', 'remove', 'garbage') }),
  ),
  { maxLength: 60 },
)

describe('whatever happens', () => {
  test.prop([steps])(
    'every question is answered exactly once, and never with another answer than the right one',
    (all) => {
      const world = open()
      const replies: unknown[][] = []
      const wanted: unknown[] = []
      const questions = { match: ask, sign }
      for (const step of all) {
        if ('digit' in step) {
          replies.push(questions[step.do](world, step.digit))
          wanted.push(step.do === 'match' ? step.digit : `mac ${step.digit}`)
        } else if ('ms' in step) world.after(step.ms)
        else if ('chunk' in step) world.wire.deliver(step.chunk)
        else if (step.do === 'put') world.vault.put(2, 'bob')
        else if (step.do === 'remove') world.vault.remove(2)
        else if (step.do === 'garbage') world.wire.say(Uint8Array.of(0, 0, 1, 0, 0, 0))
        else world.wire[step.do]()
        for (const answers of replies) expect(answers.length).toBeLessThanOrEqual(1)
      }
      world.after(TIMEOUT_MS)
      for (const [at, answers] of replies.entries()) {
        expect(answers.length).toBe(1)
        const [answer] = answers
        if (Array.isArray(answer)) expect([wanted[at], 'failed', undefined]).toContain(answer[0])
      }
    },
  )
})
