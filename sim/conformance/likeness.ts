import { read16 } from '../../src/core/protocol/bytes.ts'
import { CHANGE_CIPHER_SPEC, HANDSHAKE, RECORD_HEADER } from '../../src/core/protocol/faketls/tls.ts'
import type { Heard } from './wire.ts'

/** A signature of ECDSA has one of some lengths, by chance. */
const RECORD_SLACK_BYTES = 4
/** Times differ by what machine and network add. */
const TIME_SLACK_SHARE = 0.3

/**
 * What tells two answers to the same question apart, for somebody who cannot read what is enciphered; undefined: nothing. Times to
 * the end may differ by `slackMs` and three tenths.
 */
export function differenceOf(ours: Heard, theirs: Heard, slackMs: number): string | undefined {
  if (ours.ending !== theirs.ending) return `it ends with ${ours.ending}, the site with ${theirs.ending}`
  if (Math.abs(ours.tookMs - theirs.tookMs) > slackMs + TIME_SLACK_SHARE * theirs.tookMs)
    return `it ends after ${Math.round(ours.tookMs)} ms, the site after ${Math.round(theirs.tookMs)} ms`
  if (Buffer.from(ours.bytes).equals(theirs.bytes)) return undefined
  const [mine, other] = [recordsOf(ours.bytes), recordsOf(theirs.bytes)]
  if (mine === undefined || other === undefined) return 'it answers with other bytes than the site'
  const isLike =
    mine.length === other.length &&
    mine.every(
      ({ type, length }, at) => type === other[at].type && Math.abs(length - other[at].length) <= RECORD_SLACK_BYTES,
    )
  return isLike ? undefined : `its TLS records are ${written(mine)}, those of the site ${written(other)}`
}

interface TlsRecord {
  readonly type: number
  readonly length: number
}

/** Of a server that took our hello: types and lengths. Undefined when this is no such answer. */
function recordsOf(bytes: Uint8Array): TlsRecord[] | undefined {
  if (bytes[0] !== HANDSHAKE) return undefined
  const records: TlsRecord[] = []
  for (let at = 0; at < bytes.length;) {
    if (at + RECORD_HEADER > bytes.length || bytes[at] < CHANGE_CIPHER_SPEC) return undefined
    const length = read16(bytes, at + 3)
    records.push({ type: bytes[at], length })
    at += RECORD_HEADER + length
  }
  return records
}

function written(records: readonly TlsRecord[]): string {
  return records.map(({ type, length }) => `${type}:${length}`).join(' ')
}
