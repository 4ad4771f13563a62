import type { Match } from '../../core/ports.ts'
import { fromAscii, read16, read32le, toAscii, write16, write32le } from '../../core/protocol/bytes.ts'
import { HEAD, LENGTH_BYTES, startFrame } from './frames.ts'

/**
 * What the vault helper says to a process of the proxy (`requests.ts`), in frames; `ask` is the number of the question.
 *
 *   none    0 | ask(4) | trials(2)                                            nothing fits; of a sign: there is none
 *   failed  1 | ask(4) | trials(2)
 *   hello   2 | ask(4) | trials(2) | index(2) | generation(2) | stamp(4)      index: which of the candidates
 *   init    3 | ask(4) | trials(2) | index(2) | key(32) iv(16) up | key(32) iv(16) down | plain(64)
 *   mac     4 | ask(4) | mac(32)
 *   random  6 | ask(4) | 1..1024 bytes
 *   state   5 | 0 or 1 (4)                  no answer: whether the token is used, told at the beginning and when it changes
 *   trouble 7 | 0 (4) | 1..64 bytes of a code, in ASCII; or 7 | 1 (4): the PIN was refused
 */
const KIND = { none: 0, failed: 1, hello: 2, init: 3, mac: 4, state: 5, random: 6, trouble: 7 } as const

const FOUND_AT = HEAD + 2
const HELLO_LENGTH = FOUND_AT + 8
const KEYS_AT = FOUND_AT + 2
const KEY_LENGTH = 32
const IV_LENGTH = 16
const SIDE_LENGTH = KEY_LENGTH + IV_LENGTH
const PLAIN_LENGTH = 64
const INIT_LENGTH = KEYS_AT + 2 * SIDE_LENGTH + PLAIN_LENGTH
const MAC_LENGTH = 32
const CODE_MAX = 64

/** What befell the token, for metrics and events: a call that returned that code, or a PIN that it does not take any more. */
export type Trouble = { readonly kind: 'error'; readonly code: string } | { readonly kind: 'pin-refused' }

/** A match without its id: `index` says which of the candidates it was. */
export type Found =
  | { readonly kind: 'client-hello'; readonly generation: number; readonly stamp: number }
  | Omit<Match & { readonly kind: 'init' }, 'id'>

/** What is told without a question. */
export type Notice =
  { readonly kind: 'state'; readonly isReachable: boolean } | { readonly kind: 'trouble'; readonly trouble: Trouble }

export type Answer =
  | Notice
  | { readonly kind: 'none' | 'failed'; readonly ask: number; readonly trials: number }
  | {
      readonly kind: 'found'
      readonly ask: number
      readonly trials: number
      readonly index: number
      readonly found: Found
    }
  | { readonly kind: 'mac'; readonly ask: number; readonly mac: Uint8Array }
  | { readonly kind: 'random'; readonly ask: number; readonly bytes: Uint8Array }

export function emptyFrame(kind: 'none' | 'failed', ask: number, trials: number): Uint8Array {
  const frame = startFrame(KIND[kind], ask, 2)
  write16(frame, LENGTH_BYTES + HEAD, trials)
  return frame
}

export function foundFrame(ask: number, trials: number, index: number, found: Found): Uint8Array {
  const isInit = found.kind === 'init'
  const frame = startFrame(isInit ? KIND.init : KIND.hello, ask, (isInit ? INIT_LENGTH : HELLO_LENGTH) - HEAD)
  const body = frame.subarray(LENGTH_BYTES)
  write16(body, HEAD, trials)
  write16(body, FOUND_AT, index)
  if (!isInit) {
    write16(body, FOUND_AT + 2, found.generation)
    write32le(body, FOUND_AT + 4, found.stamp)
    return frame
  }
  for (const [at, { key, iv }] of [found.fromClient, found.toClient].entries()) {
    body.set(key, KEYS_AT + at * SIDE_LENGTH)
    body.set(iv, KEYS_AT + at * SIDE_LENGTH + KEY_LENGTH)
  }
  body.set(found.plain, KEYS_AT + 2 * SIDE_LENGTH)
  return frame
}

export function macFrame(ask: number, mac: Uint8Array): Uint8Array {
  const frame = startFrame(KIND.mac, ask, MAC_LENGTH)
  frame.set(mac, LENGTH_BYTES + HEAD)
  return frame
}

export function randomAnswer(ask: number, bytes: Uint8Array): Uint8Array {
  const frame = startFrame(KIND.random, ask, bytes.length)
  frame.set(bytes, LENGTH_BYTES + HEAD)
  return frame
}

export function stateFrame(isReachable: boolean): Uint8Array {
  return startFrame(KIND.state, isReachable ? 1 : 0, 0)
}

/** Of a code only so much as there is room for. */
export function troubleFrame(trouble: Trouble): Uint8Array {
  if (trouble.kind === 'pin-refused') return startFrame(KIND.trouble, 1, 0)
  const code = fromAscii(trouble.code.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, CODE_MAX) || '?')
  const frame = startFrame(KIND.trouble, 0, code.length)
  frame.set(code, LENGTH_BYTES + HEAD)
  return frame
}

/** Undefined for anything that is none. Bytes in it are copies. */
export function readAnswer(frame: Uint8Array): Answer | undefined {
  if (frame.length < HEAD) return undefined
  const ask = read32le(frame, 1)
  const is = (length: number) => frame.length === length
  switch (frame[0]) {
    case KIND.none:
      return is(HEAD + 2) ? { kind: 'none', ask, trials: read16(frame, HEAD) } : undefined
    case KIND.failed:
      return is(HEAD + 2) ? { kind: 'failed', ask, trials: read16(frame, HEAD) } : undefined
    case KIND.hello:
      return is(HELLO_LENGTH) ? foundIn(frame, ask, readStamped(frame)) : undefined
    case KIND.init:
      return is(INIT_LENGTH) ? foundIn(frame, ask, readKeys(frame)) : undefined
    case KIND.mac:
      return is(HEAD + MAC_LENGTH) ? { kind: 'mac', ask, mac: frame.slice(HEAD) } : undefined
    case KIND.random:
      return frame.length > HEAD ? { kind: 'random', ask, bytes: frame.slice(HEAD) } : undefined
    case KIND.state:
      return is(HEAD) && ask <= 1 ? { kind: 'state', isReachable: ask === 1 } : undefined
    case KIND.trouble:
      return readTrouble(frame, ask)
    default:
      return undefined
  }
}

function readTrouble(frame: Uint8Array, which: number): Answer | undefined {
  const code = frame.subarray(HEAD)
  if (which === 1 && code.length === 0) return { kind: 'trouble', trouble: { kind: 'pin-refused' } }
  if (which !== 0 || code.length === 0 || code.length > CODE_MAX || !code.every(isPrintable)) return undefined
  return { kind: 'trouble', trouble: { kind: 'error', code: toAscii(code) } }
}

/** It goes into logs and metrics as it is. */
function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f
}

function foundIn(frame: Uint8Array, ask: number, found: Found): Answer {
  return { kind: 'found', ask, trials: read16(frame, HEAD), index: read16(frame, FOUND_AT), found }
}

function readStamped(frame: Uint8Array): Found {
  return { kind: 'client-hello', generation: read16(frame, FOUND_AT + 2), stamp: read32le(frame, FOUND_AT + 4) }
}

function readKeys(frame: Uint8Array): Found {
  const side = (at: number) => ({
    key: frame.slice(at, at + KEY_LENGTH),
    iv: frame.slice(at + KEY_LENGTH, at + SIDE_LENGTH),
  })
  const plainAt = KEYS_AT + 2 * SIDE_LENGTH
  return { kind: 'init', fromClient: side(KEYS_AT), toClient: side(KEYS_AT + SIDE_LENGTH), plain: frame.slice(plainAt) }
}
