import type { Hello, KeyRef, SecretId } from '../../core/ports.ts'
import { fromAscii, read16, read32le, toAscii, write16, write32le } from '../../core/protocol/bytes.ts'
import { FRAME_BYTES_MAX, HEAD, LENGTH_BYTES, startFrame } from './frames.ts'

/**
 * What a process of the proxy says to the vault helper, in frames (`frames.ts`); `answers.ts` has the other direction. Ids are the asker's
 * own, and mean something on its connection alone.
 *
 *   use     1 | id(4) | label                                                         no answer
 *   forget  2 | id(4)                                                                 no answer
 *   match   3 | ask(4) | until(8) | count(2) | count times id(4) | 0 | wire(64)
 *                                                                | 1 | random(32) | record
 *   sign    4 | ask(4) | until(8) | id(4) | generation(2) | bytes
 *   random  5 | ask(4) | until(8) | count(2)                                          1..1024 bytes of the token's generator
 *   listen  6 | 0(4)                                   no answer: troubles of the token are told to one of those who listen
 *
 * `until` is monotonic ms of the machine, a double: from then on nobody waits for the answer. 4-byte numbers are little-endian, 2-byte
 * numbers big-endian, as the core's helpers have them.
 */
const KIND = { use: 1, forget: 2, match: 3, sign: 4, random: 5, listen: 6 } as const

const UNTIL_AT = HEAD
const BODY_AT = UNTIL_AT + 8
const IDS_AT = BODY_AT + 2
const WIRE_LENGTH = 64
const RANDOM_LENGTH = 32
const SIGNED_AT = BODY_AT + 6
const LABEL_MAX = 256
const COUNT_MAX = 0xffff
const RANDOM_FRAME_LENGTH = BODY_AT + 2
/** Of one question for random bytes. */
export const RANDOM_MAX = 1024

export type Request =
  | { readonly kind: 'listen' }
  | { readonly kind: 'random'; readonly ask: number; readonly until: number; readonly count: number }
  | { readonly kind: 'use'; readonly id: SecretId; readonly label: string }
  | { readonly kind: 'forget'; readonly id: SecretId }
  | {
      readonly kind: 'match'
      readonly ask: number
      readonly until: number
      readonly candidates: readonly SecretId[]
      readonly hello: Hello
    }
  | {
      readonly kind: 'sign'
      readonly ask: number
      readonly until: number
      readonly key: KeyRef
      readonly data: Uint8Array
    }

/** Labels are of printable ASCII (`isLabel`). */
export function useFrame(id: SecretId, label: string): Uint8Array {
  const frame = startFrame(KIND.use, id, label.length)
  frame.set(fromAscii(label), LENGTH_BYTES + HEAD)
  return frame
}

export function forgetFrame(id: SecretId): Uint8Array {
  return startFrame(KIND.forget, id, 0)
}

export function listenFrame(): Uint8Array {
  return startFrame(KIND.listen, 0, 0)
}

/** Undefined where it is too long to be asked. */
export function matchFrame(
  ask: number,
  until: number,
  candidates: readonly SecretId[],
  hello: Hello,
): Uint8Array | undefined {
  const said = hello.kind === 'init' ? hello.wire.length : RANDOM_LENGTH + hello.record.length
  const more = IDS_AT - HEAD + 4 * candidates.length + 1 + said
  if (HEAD + more > FRAME_BYTES_MAX || candidates.length > COUNT_MAX) return undefined
  const frame = startFrame(KIND.match, ask, more)
  const body = frame.subarray(LENGTH_BYTES)
  writeUntil(body, until)
  write16(body, BODY_AT, candidates.length)
  let at = IDS_AT
  for (const id of candidates) {
    write32le(body, at, id)
    at += 4
  }
  if (hello.kind === 'init') {
    body[at] = 0
    body.set(hello.wire, at + 1)
  } else {
    body[at] = 1
    body.set(hello.random, at + 1)
    body.set(hello.record, at + 1 + RANDOM_LENGTH)
  }
  return frame
}

/** Undefined where it is too long to be asked. */
export function signFrame(
  ask: number,
  until: number,
  key: KeyRef,
  parts: readonly Uint8Array[],
): Uint8Array | undefined {
  let length = 0
  for (const part of parts) length += part.length
  if (SIGNED_AT + length > FRAME_BYTES_MAX) return undefined
  const frame = startFrame(KIND.sign, ask, SIGNED_AT - HEAD + length)
  const body = frame.subarray(LENGTH_BYTES)
  writeUntil(body, until)
  write32le(body, BODY_AT, key.id)
  write16(body, BODY_AT + 4, key.generation)
  let at = SIGNED_AT
  for (const part of parts) {
    body.set(part, at)
    at += part.length
  }
  return frame
}

/** `count` is 1..`RANDOM_MAX`. */
export function randomFrame(ask: number, until: number, count: number): Uint8Array {
  const frame = startFrame(KIND.random, ask, RANDOM_FRAME_LENGTH - HEAD)
  const body = frame.subarray(LENGTH_BYTES)
  writeUntil(body, until)
  write16(body, BODY_AT, count)
  return frame
}

/** Undefined for anything that is none. Bytes in it are views of `frame`. */
export function readRequest(frame: Uint8Array): Request | undefined {
  if (frame.length < HEAD) return undefined
  const number = read32le(frame, 1)
  switch (frame[0]) {
    case KIND.use: {
      const label = frame.subarray(HEAD)
      if (label.length === 0 || label.length > LABEL_MAX) return undefined
      return { kind: 'use', id: number, label: toAscii(label) }
    }
    case KIND.forget:
      return frame.length === HEAD ? { kind: 'forget', id: number } : undefined
    case KIND.listen:
      return frame.length === HEAD && number === 0 ? { kind: 'listen' } : undefined
    case KIND.match:
      return readMatch(frame, number)
    case KIND.sign:
      if (frame.length < SIGNED_AT) return undefined
      return {
        ...{ kind: 'sign', ask: number, until: readUntil(frame) },
        key: { id: read32le(frame, BODY_AT), generation: read16(frame, BODY_AT + 4) },
        data: frame.subarray(SIGNED_AT),
      }
    case KIND.random: {
      if (frame.length !== RANDOM_FRAME_LENGTH) return undefined
      const count = read16(frame, BODY_AT)
      if (count === 0 || count > RANDOM_MAX) return undefined
      return { kind: 'random', ask: number, until: readUntil(frame), count }
    }
    default:
      return undefined
  }
}

function readMatch(frame: Uint8Array, ask: number): Request | undefined {
  if (frame.length < IDS_AT) return undefined
  const count = read16(frame, BODY_AT)
  const at = IDS_AT + 4 * count
  if (at >= frame.length) return undefined
  const hello = readHello(frame[at], frame.subarray(at + 1))
  if (hello === undefined) return undefined
  const candidates: SecretId[] = []
  for (let one = IDS_AT; one < at; one += 4) candidates.push(read32le(frame, one))
  return { kind: 'match', ask, until: readUntil(frame), candidates, hello }
}

function readHello(kind: number, said: Uint8Array): Hello | undefined {
  if (kind === 0) return said.length === WIRE_LENGTH ? { kind: 'init', wire: said } : undefined
  if (kind !== 1 || said.length <= RANDOM_LENGTH) return undefined
  return { kind: 'client-hello', random: said.subarray(0, RANDOM_LENGTH), record: said.subarray(RANDOM_LENGTH) }
}

const scratch = new Float64Array(1)
const scratchBytes = new Uint8Array(scratch.buffer)

function writeUntil(body: Uint8Array, until: number): void {
  scratch[0] = until
  body.set(scratchBytes, UNTIL_AT)
}

function readUntil(body: Uint8Array): number {
  scratchBytes.set(body.subarray(UNTIL_AT, UNTIL_AT + 8))
  return scratch[0]
}
