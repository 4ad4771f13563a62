import { write32le } from '../../src/core/protocol/bytes.ts'
import { intermediate } from '../../src/core/protocol/framing/intermediate.ts'

/** Bytes that intermediate and padded framing put before a message. Padding behind it, towards a client, is 3 bytes at most. */
export const FRAME_HEAD_BYTES = 4
export const FRAME_PADDING_MAX = 3
/** The first message of a client, by middle proxy. Anything under a key is as long at least. */
export const FIRST_MESSAGE_BYTES = 40

/**
 * A message under a key as far as a proxy can tell. `number`, from 1 on, stands in place of the key's id and tells the middle
 * proxy of the generator which client speaks; `length` is a multiple of 4.
 */
export function messageOf(number: number, length: number): Uint8Array {
  const message = new Uint8Array(length)
  write32le(message, 0, number)
  return message
}

/** The message in a frame that readers of intermediate and of padded framing take alike. */
export function framed(message: Uint8Array): Uint8Array {
  return intermediate.writePacket(message)
}
