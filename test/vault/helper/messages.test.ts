import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import type { Hello } from '../../../src/core/ports.ts'
import {
  emptyFrame,
  foundFrame,
  macFrame,
  randomAnswer,
  readAnswer,
  stateFrame,
  troubleFrame,
  type Trouble,
} from '../../../src/vault/helper/answers.ts'
import { FRAME_BYTES_MAX, LENGTH_BYTES } from '../../../src/vault/helper/frames.ts'
import {
  forgetFrame,
  listenFrame,
  matchFrame,
  RANDOM_MAX,
  randomFrame,
  readRequest,
  signFrame,
  useFrame,
} from '../../../src/vault/helper/requests.ts'

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const u16 = fc.integer({ min: 0, max: 0xffff })
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const until = fc.double({ noNaN: true })
const label = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/)
const ids = fc.array(u32, { maxLength: 20 })
const hellos: fc.Arbitrary<Hello> = fc.oneof(
  bytes(64).map((wire) => ({ kind: 'init' as const, wire })),
  fc
    .tuple(bytes(32), fc.uint8Array({ minLength: 1, maxLength: 400 }))
    .map(([random, record]) => ({ kind: 'client-hello' as const, random, record })),
)
const parts = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 4 })
const side = fc.record({ key: bytes(32), iv: bytes(16) })
const found = fc.oneof(
  fc.record({ kind: fc.constant('client-hello' as const), generation: u16, stamp: u32 }),
  fc.record({ kind: fc.constant('init' as const), fromClient: side, toClient: side, plain: bytes(64) }),
)

/** Without its length, and with a look at that. */
function body(frame: Uint8Array | undefined): Uint8Array {
  if (frame === undefined) throw new Error('too long')
  expect(new DataView(frame.buffer).getUint32(0, true)).toBe(frame.length - LENGTH_BYTES)
  return frame.subarray(LENGTH_BYTES)
}

const troubles: fc.Arbitrary<Trouble> = fc.oneof(
  fc.stringMatching(/^CKR_[A-Z_]{1,60}$/).map((code) => ({ kind: 'error' as const, code })),
  fc.constant({ kind: 'pin-refused' as const }),
)

/** What each side may be told, as frames. */
const answers = fc.oneof(
  fc.tuple(fc.constantFrom('none' as const, 'failed' as const), u32, u16).map((args) => emptyFrame(...args)),
  fc.tuple(u32, u16, u16, found).map((args) => foundFrame(...args)),
  fc.tuple(u32, bytes(32)).map((args) => macFrame(...args)),
  fc.boolean().map(stateFrame),
)
const requests = fc.oneof(
  fc.tuple(u32, label).map((args) => useFrame(...args)),
  u32.map(forgetFrame),
  fc.constant(0).map(listenFrame),
  fc.tuple(u32, until, ids, hellos).map((args) => matchFrame(...args)),
  fc.tuple(u32, until, fc.record({ id: u32, generation: u16 }), parts).map((args) => signFrame(...args)),
)

describe('questions to the helper', () => {
  test.prop([u32, label])('name a secret', (id, name) => {
    expect(readRequest(body(useFrame(id, name)))).toEqual({ kind: 'use', id, label: name })
    expect(readRequest(body(forgetFrame(id)))).toEqual({ kind: 'forget', id })
  })

  test.prop([u32, until, ids, hellos])('carry a hello and its candidates', (ask, at, candidates, hello) => {
    const read = readRequest(body(matchFrame(ask, at, candidates, hello)))
    expect(read).toEqual({ kind: 'match', ask, until: at, candidates, hello })
  })

  test.prop([u32, until, fc.integer({ min: 1, max: RANDOM_MAX })])('ask for random bytes', (ask, at, count) => {
    expect(readRequest(body(randomFrame(ask, at, count)))).toEqual({ kind: 'random', ask, until: at, count })
    for (const bad of [0, RANDOM_MAX + 1]) expect(readRequest(body(randomFrame(ask, at, bad)))).toBeUndefined()
  })

  test.prop([u32, until, fc.record({ id: u32, generation: u16 }), parts])(
    'carry what is to be signed',
    (ask, at, key, all) => {
      const read = readRequest(body(signFrame(ask, at, key, all)))
      expect(read).toEqual({ kind: 'sign', ask, until: at, key, data: Uint8Array.from(Buffer.concat(all)) })
    },
  )

  it('are at most one frame long', () => {
    const hello = (length: number): Hello => ({
      kind: 'client-hello',
      random: new Uint8Array(32),
      record: new Uint8Array(length),
    })
    // kind, number, deadline, count, one candidate, kind of the hello, random
    const most = FRAME_BYTES_MAX - 1 - 4 - 8 - 2 - 4 - 1 - 32
    expect(matchFrame(1, 2, [3], hello(most))?.length).toBe(LENGTH_BYTES + FRAME_BYTES_MAX)
    expect(matchFrame(1, 2, [3], hello(most + 1))).toBeUndefined()
    const signed = FRAME_BYTES_MAX - 1 - 4 - 8 - 4 - 2
    const key = { id: 1, generation: 0 }
    expect(signFrame(1, 2, key, [new Uint8Array(signed)])?.length).toBe(LENGTH_BYTES + FRAME_BYTES_MAX)
    expect(signFrame(1, 2, key, [new Uint8Array(signed), new Uint8Array(1)])).toBeUndefined()
  })
})

describe('answers of the helper', () => {
  test.prop([troubles])('tell of troubles', (trouble) => {
    expect(readAnswer(body(troubleFrame(trouble)))).toEqual({ kind: 'trouble', trouble })
    expect(readRequest(body(listenFrame()))).toEqual({ kind: 'listen' })
  })

  it('tell of a code only what a line of a log could hold', () => {
    const codeOf = (code: string) => readAnswer(body(troubleFrame({ kind: 'error', code })))
    expect(codeOf('dlopen:\n\u00e9')).toEqual({ kind: 'trouble', trouble: { kind: 'error', code: 'dlopen:??' } })
    const frame = troubleFrame({ kind: 'error', code: 'x' })
    frame[frame.length - 1] = 0x0a
    expect(readAnswer(body(frame))).toBeUndefined()
    expect(codeOf('x'.repeat(300))).toEqual({ kind: 'trouble', trouble: { kind: 'error', code: 'x'.repeat(64) } })
    expect(codeOf('')).toEqual({ kind: 'trouble', trouble: { kind: 'error', code: '?' } })
  })

  test.prop([fc.constantFrom('none' as const, 'failed' as const), u32, u16])('say no', (kind, ask, trials) => {
    expect(readAnswer(body(emptyFrame(kind, ask, trials)))).toEqual({ kind, ask, trials })
  })

  test.prop([u32, u16, u16, found])('say which one fits, and how', (ask, trials, index, match) => {
    expect(readAnswer(body(foundFrame(ask, trials, index, match)))).toEqual({
      kind: 'found',
      ask,
      trials,
      index,
      found: match,
    })
  })

  test.prop([u32, bytes(32)])('carry a MAC', (ask, mac) => {
    expect(readAnswer(body(macFrame(ask, mac)))).toEqual({ kind: 'mac', ask, mac })
  })

  test.prop([u32, fc.uint8Array({ minLength: 1, maxLength: RANDOM_MAX })])('carry random bytes', (ask, all) => {
    expect(readAnswer(body(randomAnswer(ask, all)))).toEqual({ kind: 'random', ask, bytes: all })
    expect(readAnswer(body(randomAnswer(ask, new Uint8Array(0))))).toBeUndefined()
  })

  it('tell whether there is a token', () => {
    for (const isReachable of [true, false])
      expect(readAnswer(body(stateFrame(isReachable)))).toEqual({ kind: 'state', isReachable })
    expect(readAnswer(Uint8Array.of(5, 2, 0, 0, 0))).toBeUndefined()
  })

  test.prop([answers, fc.integer({ min: 1, max: 300 }), fc.boolean()])(
    'have one length each',
    (frame, by, isLonger) => {
      const whole = body(frame)
      const other = isLonger
        ? Buffer.concat([whole, new Uint8Array(by)])
        : whole.subarray(0, Math.max(0, whole.length - by))
      expect(readAnswer(other)).toBeUndefined()
    },
  )
})

describe('what is none of both', () => {
  test.prop([fc.uint8Array({ maxLength: 300 })])('is refused or read, and breaks nothing', (garbage) => {
    const request = readRequest(garbage)
    if (garbage.length < 5 || garbage[0] === 0 || garbage[0] > 5) expect(request).toBeUndefined()
    if (garbage.length < 5 || garbage[0] > 6) expect(readAnswer(garbage)).toBeUndefined()
  })

  test.prop([requests, fc.nat(500)])('is no shorter question with more candidates than it holds', (frame, length) => {
    const cut = body(frame).subarray(0, length)
    const read = readRequest(cut)
    if (read?.kind === 'match') expect(15 + 4 * read.candidates.length + 1).toBeLessThan(cut.length)
  })

  it.each([
    ['an empty frame', []],
    ['a label of no characters', [1, 0, 0, 0, 0]],
    ['a label that never ends', [1, 0, 0, 0, 0, ...new Array<number>(257).fill(65)]],
    ['more to forget', [2, 0, 0, 0, 0, 0]],
    ['a hello of a third kind', [3, ...new Array<number>(12).fill(0), 0, 0, 2, ...new Array<number>(64).fill(0)]],
    ['an init of 63 bytes', [3, ...new Array<number>(12).fill(0), 0, 0, 0, ...new Array<number>(63).fill(0)]],
    [
      'a ClientHello without a record',
      [3, ...new Array<number>(12).fill(0), 0, 0, 1, ...new Array<number>(32).fill(0)],
    ],
  ])('is %s', (_name, frame) => {
    expect(readRequest(Uint8Array.from(frame))).toBeUndefined()
  })
})
