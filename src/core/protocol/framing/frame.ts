import type { Random } from '../../ports.ts'
import type { Assembly } from '../assembly.ts'

/**
 * What travels inside an obfuscated stream (protocol.md, 2). Direct mode never looks at frames; simulated clients and DCs
 * and the middle-proxy link do.
 */
export type Frame =
  /** `payload` is the reader's: copy what must outlive the call. `quickAck`: the client asks for a confirmation of this packet. */
  | { readonly kind: 'packet'; readonly payload: Uint8Array; readonly quickAck: boolean }
  /** Read by clients only; `token` has bit 31 set. */
  | { readonly kind: 'quick-ack'; readonly token: number }

/**
 * Who we are: a client reads quick acks and pads by 0..15 bytes, a DC (or a proxy in its place) reads requests for them
 * and pads by 0..3.
 */
export type Side = 'client' | 'dc'

export interface ReaderOptions {
  /** `dc` unless said. */
  readonly side?: Side
  /** Most bytes in one frame as its length says, padding included. `CLIENT_FRAME_MAX` or `DC_FRAME_MAX`, by side, unless said. */
  readonly limitBytes?: number
  /** Where frames that come in pieces are put together; memory of the runtime's unless said. */
  readonly assembly?: Assembly
}

export interface PacketOptions {
  readonly side?: Side
  readonly quickAck?: boolean
  /** For the padding; without it there is none. Framings that do not pad draw nothing. */
  readonly random?: Random
  /** Where the frame is written: memory of exactly this length, whatever it holds. New memory unless said. */
  readonly into?: Into
}

export type Into = (length: number) => Uint8Array
export const intoNew: Into = (length) => new Uint8Array(length)

/** Largest packet the official proxy takes from a client: 1 MiB - 4 KiB. */
export const CLIENT_FRAME_MAX = 1_044_480
/** Largest packet TDLib takes: 4 MiB + 1 KiB. */
export const DC_FRAME_MAX = 4_195_328

/** `full`: there is no memory to put a frame together. */
export type ReadVerdict = 'ok' | 'bad' | 'full'

export interface FrameReader {
  /**
   * Takes the next bytes and tells `sink` each frame that is complete, in order. `bad` when the bytes can be no frames or a
   * frame is too long. What is not ok stays so and tells nothing more. `sink` must not push.
   */
  push(bytes: Uint8Array, sink: (frame: Frame) => void): ReadVerdict
  /** Gives back what it holds of a frame; nothing may be pushed behind. */
  close(): void
}

export interface FramingCodec {
  readonly reader: (options?: ReaderOptions) => FrameReader
  /** `payload`: a multiple of 4 bytes, 4 at least. */
  readonly writePacket: (payload: Uint8Array, options?: PacketOptions) => Uint8Array
  /** To a client; `token` gets bit 31. */
  readonly writeQuickAck: (token: number, into?: Into) => Uint8Array
  /** To a client: a negative code such as -404. Never padded: some clients know an error by its length of exactly 4. */
  readonly writeError: (code: number, into?: Into) => Uint8Array
}

export const QUICK_ACK_BIT = 0x80000000
/** Payloads below this are no messages but a code, a confirmation or nothing (protocol.md, 2, "Short frames"). */
const SHORT_MAX = 16
const ERROR_LENGTH = 4

export type ShortFrame =
  | { readonly kind: 'no-op' }
  | { readonly kind: 'quick-ack'; readonly token: number }
  | { readonly kind: 'error'; readonly code: number }

/** What a client makes of a short payload; undefined when it is a message. */
export function readShort(payload: Uint8Array): ShortFrame | undefined {
  if (payload.length >= SHORT_MAX || payload.length < 4) return undefined
  const first = int32(payload, 0)
  if (first === 0) return { kind: 'no-op' }
  if (first === -1 && payload.length >= 8) return { kind: 'quick-ack', token: int32(payload, 4) >>> 0 }
  return { kind: 'error', code: first }
}

/** The payload of an error frame. */
export function errorPayload(code: number): Uint8Array {
  const payload = new Uint8Array(ERROR_LENGTH)
  new DataView(payload.buffer).setInt32(0, code, true)
  return payload
}

function int32(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
}
