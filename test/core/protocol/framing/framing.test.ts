import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { concat } from '../../../../src/core/protocol/bytes.ts'
import {
  CLIENT_FRAME_MAX,
  DC_FRAME_MAX,
  FRAMINGS,
  readShort,
  type FrameReader,
  type Side,
} from '../../../../src/core/protocol/framing/index.ts'
import type { Framing } from '../../../../src/core/protocol/obfuscated2.ts'
import { arbBytes, arbCuts, hex, scriptedRandom, split, testRandom, toHex, vectors } from '../arbitrary.ts'

const NAMES = Object.keys(FRAMINGS) as Framing[]
const { transports } = vectors
const PAYLOAD = hex(transports.payload16)
const TOKEN = Number(transports.quick_ack.confirm_u32)

/** Frames in a form that compares, and what the last push said. */
function read(reader: FrameReader, pieces: readonly Uint8Array[]) {
  const frames: (string | number)[] = []
  let verdict = 'ok'
  for (const piece of pieces) {
    verdict = reader.push(piece, (frame) => {
      if (frame.kind === 'quick-ack') frames.push(frame.token)
      else frames.push(toHex(frame.payload) + (frame.quickAck ? ' ack' : ''))
    })
    // What was pushed belongs to the caller again.
    piece.fill(0xdb)
  }
  return { frames, verdict }
}

const readAll = (name: Framing, side: Side, ...wire: Uint8Array[]) =>
  read(FRAMINGS[name].reader({ side }), [concat(...wire)])

describe('the vectors', () => {
  const toDc = { side: 'client' } as const

  it('abridged', () => {
    const { writePacket, writeError, writeQuickAck } = FRAMINGS.abridged
    expect(toHex(writePacket(PAYLOAD))).toBe(transports.abridged.frame16)
    expect(toHex(writePacket(PAYLOAD, { quickAck: true }))).toBe(transports.abridged.frame16_quickack)
    const prefix = (words: number, quickAck = false) =>
      toHex(writePacket(new Uint8Array(4 * words), { quickAck }).subarray(0, words < 127 ? 1 : 4))
    expect(prefix(126)).toBe(transports.abridged.prefix_126_words)
    expect(prefix(127)).toBe(transports.abridged.prefix_127_words)
    expect(prefix(127, true)).toBe(transports.abridged.prefix_127_words_quickack)
    expect(prefix(65536)).toBe(transports.abridged.prefix_65536_words)
    expect(toHex(writeError(-404))).toBe(transports.error_404.abridged_frame)
    expect(toHex(writeQuickAck(TOKEN))).toBe(transports.quick_ack.abridged_wire)
  })

  it('intermediate', () => {
    const { writePacket, writeError, writeQuickAck } = FRAMINGS.intermediate
    expect(toHex(writePacket(PAYLOAD))).toBe(transports.intermediate.frame16)
    expect(toHex(writePacket(PAYLOAD, { quickAck: true }))).toBe(transports.intermediate.frame16_quickack)
    expect(toHex(writeError(-404))).toBe(transports.error_404.intermediate_frame)
    expect(toHex(writeQuickAck(TOKEN))).toBe(transports.quick_ack.intermediate_wire)
  })

  it('padded', () => {
    const { writePacket, writeError, writeQuickAck } = FRAMINGS.padded
    const random = { ...scriptedRandom(hex('a1a2a3')), below: () => 3 }
    expect(toHex(writePacket(PAYLOAD, { random }))).toBe(transports.padded.frame16_pad3)
    expect(toHex(writePacket(PAYLOAD, { quickAck: true }))).toBe(transports.padded.frame16_quickack_pad0)
    expect(toHex(writeError(-404))).toBe(transports.error_404.intermediate_frame)
    expect(toHex(writeQuickAck(TOKEN))).toBe(transports.quick_ack.intermediate_wire)
    const { frames } = readAll('padded', 'client', hex(transports.quick_ack.padded_wire_form2))
    expect(frames).toEqual([TOKEN])
  })

  it.each(NAMES)('%s frames are read back', (name) => {
    const codec = FRAMINGS[name]
    const packets = [codec.writePacket(PAYLOAD, toDc), codec.writePacket(PAYLOAD, { ...toDc, quickAck: true })]
    const payload = transports.payload16
    expect(readAll(name, 'dc', ...packets).frames).toEqual([payload, `${payload} ack`])
    const answers = [codec.writePacket(PAYLOAD), codec.writeQuickAck(TOKEN), codec.writeError(-404)]
    expect(readAll(name, 'client', ...answers).frames).toEqual([payload, TOKEN, transports.error_404.payload])
  })
})

const arbPacket = fc.record({
  words: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 120, max: 300 })),
  quickAck: fc.boolean(),
  token: fc.option(fc.integer({ min: 0, max: 0x7fffffff }), { nil: undefined }),
})

describe.each(NAMES)('%s', (name) => {
  const codec = FRAMINGS[name]
  const make = (words: number) =>
    testRandom(words)
      .fill(new Uint8Array(4 * words))
      .fill(1, 0, 1)

  test.prop([fc.array(arbPacket, { maxLength: 8 }), arbCuts])(
    'towards a DC: any split gives the same frames',
    (packets, cuts) => {
      const random = testRandom()
      const wire = packets.map(({ words, quickAck }) =>
        codec.writePacket(make(words), { side: 'client', quickAck, random }),
      )
      const { frames, verdict } = read(codec.reader(), split(concat(...wire), cuts))
      expect([frames.length, verdict]).toEqual([packets.length, 'ok'])
      packets.forEach(({ words, quickAck }, i) => {
        const [payload, mark] = String(frames[i]).split(' ')
        // Whole words of a client's padding stay: the message inside ends before them.
        expect(payload.startsWith(toHex(make(words)))).toBe(true)
        expect(payload.length / 2 - 4 * words).toBeLessThanOrEqual(name === 'padded' ? 12 : 0)
        expect(mark).toBe(quickAck ? 'ack' : undefined)
      })
    },
  )

  test.prop([fc.array(arbPacket, { maxLength: 8 }), arbCuts])(
    'towards a client: any split gives the same frames',
    (packets, cuts) => {
      const random = testRandom()
      const wire = packets.map(({ words, token }) =>
        token === undefined ? codec.writePacket(make(words + 4), { random }) : codec.writeQuickAck(token),
      )
      const expected = packets.map(({ words, token }) =>
        token === undefined ? toHex(make(words + 4)) : (token | 0x80000000) >>> 0,
      )
      expect(read(codec.reader({ side: 'client' }), split(concat(...wire), cuts))).toEqual({
        frames: expected,
        verdict: 'ok',
      })
    },
  )

  test.prop([fc.constantFrom<Side>('client', 'dc'), fc.array(arbBytes(50), { maxLength: 20 }), arbCuts])(
    'garbage: never throws, and any split gives the same',
    (side, parts, cuts) => {
      const wire = concat(...parts)
      const whole = read(codec.reader({ side, limitBytes: 40 }), [wire.slice()])
      const cut = read(codec.reader({ side, limitBytes: 40 }), split(wire, cuts))
      expect(cut).toEqual({ frames: whole.frames, verdict: wire.length === 0 ? 'ok' : whole.verdict })
    },
  )

  it.each([
    ['client', CLIENT_FRAME_MAX, 'dc'],
    ['dc', DC_FRAME_MAX, 'client'],
  ] as const)('takes the largest frame a %s sends, and none a word larger', (_, limitBytes, side) => {
    for (const [length, verdict] of [
      [limitBytes - 4, 'ok'],
      [limitBytes, 'ok'],
      [limitBytes + 4, 'bad'],
    ] as const) {
      let payloadBytes = 0
      const reader = codec.reader({ side })
      const wire = codec.writePacket(new Uint8Array(length).fill(1))
      const pushed = reader.push(wire, (frame) => (payloadBytes += frame.kind === 'packet' ? frame.payload.length : 0))
      expect([pushed, payloadBytes]).toEqual([verdict, verdict === 'ok' ? length : 0])
    }
  })

  it('stays bad, and tells nothing more', () => {
    const reader = codec.reader({ limitBytes: 40 })
    expect(read(reader, [codec.writePacket(make(11)), codec.writePacket(make(2))])).toEqual({
      frames: [],
      verdict: 'bad',
    })
    expect(reader.push(new Uint8Array(0), () => expect.unreachable())).toBe('bad')
  })

  it('gives the frames before a bad one', () => {
    const reader = codec.reader({ limitBytes: 40 })
    const { frames, verdict } = read(reader, [concat(codec.writePacket(make(2)), codec.writePacket(make(11)))])
    expect([frames, verdict]).toEqual([[toHex(make(2))], 'bad'])
  })

  it('waits for a frame that is not complete', () => {
    const wire = codec.writePacket(make(200))
    const reader = codec.reader()
    expect(read(reader, [wire.slice(0, -1)])).toEqual({ frames: [], verdict: 'ok' })
    expect(read(reader, [wire.slice(-1)]).frames).toEqual([toHex(make(200))])
  })

  it('refuses to write what is no whole words', () => {
    expect(() => codec.writePacket(new Uint8Array(0))).toThrow()
    expect(() => codec.writePacket(new Uint8Array(6))).toThrow()
  })
})

describe('a head that no peer writes', () => {
  it.each([
    ['abridged', '7f7e0000', 'a long form for fewer than 127 words'],
    ['abridged', '00', 'an empty packet'],
    ['abridged', '80', 'an empty packet with a quick ack'],
    ['intermediate', '00000000', 'an empty packet'],
    ['intermediate', '06000000', 'a length that is no multiple of 4'],
    ['padded', '03000000', 'a length without a word'],
  ] satisfies [Framing, string, string][])('%s %s is refused: %s', (name, wire, _why) => {
    expect(readAll(name, 'dc', hex(wire)).verdict).toBe('bad')
  })
})

describe('padding', () => {
  const lengths = (side: Side) =>
    new Set(
      Array.from({ length: 400 }, (_, seed) => {
        return (
          FRAMINGS.padded.writePacket(PAYLOAD, { side, random: testRandom(seed * 7919) }).length - PAYLOAD.length - 4
        )
      }),
    )
  it('of a client is 0..15 bytes, of a DC 0..3', () => {
    expect([...lengths('client')].sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => i))
    expect([...lengths('dc')].sort((a, b) => a - b)).toEqual([0, 1, 2, 3])
  })

  it('of a padded error is cut off', () => {
    expect(readAll('padded', 'client', hex('070000006cfeffffa1a2a3')).frames).toEqual(['6cfeffff'])
  })

  it('may come as a frame of its own, which means nothing', () => {
    expect(readAll('padded', 'client', hex('0800000000000000a1a2a3a4')).frames).toEqual([])
  })
})

describe('readShort', () => {
  it.each([
    ['00000000', { kind: 'no-op' }],
    ['0000000001020304', { kind: 'no-op' }],
    ['ffffffff01020384', { kind: 'quick-ack', token: TOKEN }],
    ['ffffffff', { kind: 'error', code: -1 }],
    ['6cfeffff', { kind: 'error', code: -404 }],
    ['53feffff00', { kind: 'error', code: -429 }],
    ['00'.repeat(16), undefined],
    ['000000', undefined],
  ])('%s', (payload, short) => {
    expect(readShort(hex(payload))).toEqual(short)
  })
})
