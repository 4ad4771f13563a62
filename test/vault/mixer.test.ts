import { describe, expect, it } from 'vitest'
import { atOnce, Mixer } from '../../src/vault/mixer.ts'
import { TokenError } from '../../src/vault/token.ts'
import { seeded } from '../core/seeded.ts'

const MINUTE_MS = 60_000

function scene() {
  const told: string[] = []
  const source = seeded(77)
  const world = {
    told,
    now: 5,
    drawn: 0,
    draw: (length: number): Uint8Array => source.fill(new Uint8Array(length)),
    mixed(bytes: Uint8Array = new Uint8Array(64)) {
      const copy = Uint8Array.from(bytes)
      mixer.mix(copy)
      return Buffer.from(copy).toString('hex')
    },
  }
  const mixer = new Mixer({
    draw: atOnce((length) => {
      world.drawn += length
      return world.draw(length)
    }),
    now: () => world.now,
    onLost: (why) => told.push(why),
    onBack: () => told.push('back'),
  })
  return world
}

describe('a mixer', () => {
  it('XORs a stream over the bytes that is never the same, and tells nothing', () => {
    const [one, two] = [scene(), scene()]
    const plain = seeded(3).fill(new Uint8Array(64))
    const stream = Buffer.from(one.mixed(), 'hex')
    // The same source gives the same stream, so that only the bytes differ.
    expect(two.mixed(plain)).toBe(Buffer.from(plain.map((byte, at) => byte ^ stream[at])).toString('hex'))
    const seen = new Set(Array.from({ length: 100 }, () => one.mixed()))
    expect(seen.size).toBe(100)
    expect([...one.told, ...two.told]).toEqual([])
  })

  it('takes a new key each minute, and no byte of the source in between', () => {
    const world = scene()
    world.mixed()
    const first = world.drawn
    world.now += MINUTE_MS - 1
    world.mixed()
    expect(world.drawn).toBe(first)
    world.now += 1
    world.mixed()
    expect(world.drawn).toBe(first + 512)
    world.mixed()
    expect(world.drawn).toBe(first + 512)
  })

  it('leaves the bytes alone while the source fails, tells it once, and comes back', () => {
    const world = scene()
    const { draw } = world
    world.draw = () => {
      throw new TokenError('C_GenerateRandom', 'CKR_DEVICE_ERROR')
    }
    const plain = '00'.repeat(64)
    for (let minute = 0; minute < 3; minute++, world.now += MINUTE_MS) expect(world.mixed()).toBe(plain)
    expect(world.told).toEqual(['C_GenerateRandom: CKR_DEVICE_ERROR'])
    world.draw = draw
    world.now += MINUTE_MS
    expect(world.mixed()).not.toBe(plain)
    expect(world.told.slice(1)).toEqual(['back'])
  })

  it.each([
    ['stuck', (length: number) => new Uint8Array(length), /test of repetitions/],
    [
      'turning in a small circle',
      (length: number) => Uint8Array.from({ length }, (_, at) => at % 9),
      /test of proportions/,
    ],
    ['short', (length: number) => seeded(1).fill(new Uint8Array(length - 1)), /gave 1023 bytes for 1024/],
  ])('does not use a source that is %s, at its start or later', (_what, bad, why) => {
    const world = scene()
    const { draw } = world
    world.draw = bad
    expect(world.mixed()).toBe('00'.repeat(64))
    expect(world.told).toEqual([expect.stringMatching(why)])
    // Healthy again: it is tested from its start on before it is used.
    world.draw = draw
    world.now += MINUTE_MS
    const before = world.drawn
    expect(world.mixed()).not.toBe('00'.repeat(64))
    expect(world.drawn - before).toBe(1024 + 512)
    world.draw = bad
    world.now += MINUTE_MS
    expect(world.mixed()).toBe('00'.repeat(64))
    expect(world.told.map((one) => one.slice(0, 5))).toEqual([
      world.told[0].slice(0, 5),
      'back',
      world.told[2].slice(0, 5),
    ])
  })

  it('passes on what is a fault of ours', () => {
    const world = scene()
    world.draw = () => {
      throw new TypeError('ours')
    }
    expect(() => world.mixed()).toThrow(TypeError)
  })

  it('goes on with the key it has while a source takes its time, and asks no second time meanwhile', () => {
    const asked: { readonly length: number; readonly reply: (drawn: Uint8Array | { why: string }) => void }[] = []
    const told: string[] = []
    const source = seeded(5)
    let now = 0
    const mixer = new Mixer({
      draw: (length, reply) => asked.push({ length, reply }),
      now: () => now,
      onLost: (why) => told.push(why),
      onBack: () => told.push('back'),
      onKeyed: () => told.push('keyed'),
    })
    const isMixed = () => {
      const bytes = new Uint8Array(64)
      mixer.mix(bytes)
      return bytes.some((byte) => byte !== 0)
    }
    const answer = () => {
      const { length, reply } = asked.splice(0, 1)[0]
      reply(source.fill(new Uint8Array(length)))
      return length
    }
    expect([isMixed(), isMixed(), asked.length]).toEqual([false, false, 1])
    expect([answer(), answer(), isMixed()]).toEqual([1024, 512, true])
    now += MINUTE_MS
    expect([isMixed(), isMixed(), asked.length]).toEqual([true, true, 1])
    now += MINUTE_MS
    expect([isMixed(), asked.length]).toEqual([true, 1])
    asked.splice(0, 1)[0].reply({ why: 'away' })
    // It was due a minute ago, and is asked from its start on.
    expect([isMixed(), answer(), answer(), isMixed()]).toEqual([false, 1024, 512, true])
    expect(told).toEqual(['keyed', 'away', 'back', 'keyed'])
  })
})
