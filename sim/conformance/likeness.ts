import { read16 } from '../../src/core/protocol/bytes.ts'
import { CHANGE_CIPHER_SPEC, HANDSHAKE, RECORD_HEADER } from '../../src/core/protocol/faketls/tls.ts'
import { areaUnderCurve } from '../probing/auc.ts'
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

/** Standard deviations: one comparison in 30,000 of equal things is that far off. */
const FAR = 4

/**
 * What tells many answers to the same question from as many of the site: how they end and how long they are must be the same
 * (lengths but for a signature), and times may be later or earlier by `slackMs`, on the whole (Mann and Whitney's test).
 */
export function differenceOfMany(
  ours: readonly Heard[],
  theirs: readonly Heard[],
  slackMs: number,
): string | undefined {
  const [mine, other] = [endingsOf(ours), endingsOf(theirs)]
  if (mine !== other) return `it ends with ${mine}, the site with ${other}`
  const [shortest, longest] = rangeOf(ours.map(({ bytes }) => bytes.length))
  const [least, most] = rangeOf(theirs.map(({ bytes }) => bytes.length))
  const isTls = ours.every(({ bytes }) => recordsOf(bytes) !== undefined)
  const slackBytes = isTls ? RECORD_SLACK_BYTES : 0
  if (Math.abs(shortest - least) > slackBytes || Math.abs(longest - most) > slackBytes)
    return `it says ${shortest} to ${longest} bytes, the site ${least} to ${most}`
  const first = shiftOf(ours.flatMap(firstOf), theirs.flatMap(firstOf), slackMs)
  if (first !== undefined) return `its first byte comes ${first}`
  const end = shiftOf(ours.map(endOf), theirs.map(endOf), slackMs)
  return end === undefined ? undefined : `its end comes ${end}`
}

function endingsOf(heard: readonly Heard[]): string {
  const kinds = ['end', 'reset', 'open'] as const
  const counts = kinds.map((kind) => [kind, heard.filter(({ ending }) => ending === kind).length] as const)
  return counts
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${kind} ${count} times`)
    .join(', ')
}

function rangeOf(numbers: readonly number[]): readonly [number, number] {
  return [Math.min(...numbers), Math.max(...numbers)]
}

function firstOf({ firstMs }: Heard): readonly number[] {
  return firstMs === undefined ? [] : [firstMs]
}

function endOf({ tookMs }: Heard): number {
  return tookMs
}

/** By how much ours are later or earlier on the whole, in words; undefined when it is within the slack, or may be chance. */
function shiftOf(ours: readonly number[], theirs: readonly number[], slackMs: number): string | undefined {
  if (ours.length === 0 || theirs.length === 0) return undefined
  const deviation = Math.sqrt((ours.length + theirs.length + 1) / (12 * ours.length * theirs.length))
  const far = (shift: number) =>
    (areaUnderCurve(
      ours.map((ms) => ms + shift),
      theirs,
    ) -
      0.5) /
    deviation
  const by = `${Math.round(Math.abs(medianOf(ours) - medianOf(theirs)))} ms`
  if (far(-slackMs) > FAR) return `${by} later`
  return far(slackMs) < -FAR ? `${by} earlier` : undefined
}

function medianOf(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]
}
