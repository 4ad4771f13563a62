import { formatIp } from '../address.ts'
import type { Address } from '../ports.ts'

/**
 * The two STUN messages that tell us how the outside sees us (RFC 8489):
 *
 *   type(2) | length of the attributes(2) | cookie(4) | transaction(12) | attributes: type(2) | length(2) | value, padded to 4
 *   XOR-MAPPED-ADDRESS: 0 | family(1) | port(2) | address(4 or 16); port and address XORed with cookie and transaction
 */

export const STUN_TRANSACTION_LENGTH = 12
/** An answer to a request without any attribute has some dozens of bytes; RFC 8489, 6.1 wants messages within one packet. */
export const STUN_ANSWER_MAX = 548

const HEADER_LENGTH = 20
const COOKIE_AT = 4
const TRANSACTION_AT = 8
const COOKIE = 0x2112a442
const BINDING_REQUEST = 0x0001
const BINDING_SUCCESS = 0x0101
const XOR_MAPPED_ADDRESS = 0x0020
const ATTRIBUTE_HEADER = 4
const PORT_AT = 2
const IP_AT = 4
const IP_LENGTHS: Readonly<Record<number, number>> = { 1: 4, 2: 16 }

/** A binding request; `transaction` is 12 bytes that nobody can guess. */
export function stunRequest(transaction: Uint8Array): Uint8Array {
  const request = new Uint8Array(HEADER_LENGTH)
  const view = viewOf(request)
  view.setUint16(0, BINDING_REQUEST)
  view.setUint32(COOKIE_AT, COOKIE)
  request.set(transaction, TRANSACTION_AT)
  return request
}

/** The address that a successful answer to `transaction` names; undefined for anything else, malformed or not ours. */
export function readStunAnswer(answer: Uint8Array, transaction: Uint8Array): Address | undefined {
  if (answer.length < HEADER_LENGTH || answer.length > STUN_ANSWER_MAX || answer.length % 4 !== 0) return undefined
  const view = viewOf(answer)
  if (view.getUint16(0) !== BINDING_SUCCESS || view.getUint16(2) !== answer.length - HEADER_LENGTH) return undefined
  if (view.getUint32(COOKIE_AT) !== COOKIE) return undefined
  if (transaction.some((byte, i) => answer[TRANSACTION_AT + i] !== byte)) return undefined
  let found: Address | undefined
  for (let at = HEADER_LENGTH; at < answer.length;) {
    const from = at + ATTRIBUTE_HEADER
    const length = view.getUint16(at + 2)
    if (from + length > answer.length) return undefined
    // Of several the first one counts (RFC 8489, 14); whatever else is in the answer means nothing to us.
    if (view.getUint16(at) === XOR_MAPPED_ADDRESS && found === undefined) {
      found = readXorMapped(answer.subarray(from, from + length), answer.subarray(COOKIE_AT, HEADER_LENGTH))
      if (found === undefined) return undefined
    }
    at = from + Math.ceil(length / 4) * 4
  }
  return found
}

/** `mask` is the cookie and the transaction, as they stand in the header. */
function readXorMapped(value: Uint8Array, mask: Uint8Array): Address | undefined {
  const ipLength = IP_LENGTHS[value[1]]
  if (ipLength === undefined || value.length !== IP_AT + ipLength) return undefined
  const port = ((value[PORT_AT] ^ mask[0]) << 8) | (value[PORT_AT + 1] ^ mask[1])
  return { ip: formatIp(value.slice(IP_AT).map((byte, i) => byte ^ mask[i])), port }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
