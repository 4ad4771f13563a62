import { fromAscii } from '../../../src/core/protocol/bytes.ts'
import { ctr } from '../../../src/core/protocol/ctr.ts'
import {
  decryptInit,
  INIT_LENGTH,
  isForbidden,
  makeInit,
  rawKeys,
  readInit,
  withSecret,
  type Framing,
} from '../../../src/core/protocol/obfuscated2.ts'
import { isOtherProtocol, isRequest } from '../../../src/core/session/other-protocols.ts'
import { SeededRandom } from '../../world/random.ts'
import { cutsOf, mixed } from '../cuts.ts'
import { must, mustBeSame, type Target } from '../target.ts'
import { bytesIn, vectors } from './vectors.ts'

const FRAMINGS: readonly Framing[] = ['abridged', 'intermediate', 'padded']
const SECRET = new Uint8Array(16).fill(0x5a)

/** 64 bytes as they come, and inits made of what they say: first byte framing and secret, two more the DC. */
export const target: Target = {
  bytesMax: 96,
  seeds: () => [
    new Uint8Array(INIT_LENGTH),
    ...['GET / HTTP/1.1\r\n', 'SSH-2.0-OpenSSH', '\x15\x03\x01\x00'].map(fromAscii),
    ...bytesIn(vectors.obfuscated2, 96),
  ],
  run(input) {
    const made = mustReadBack(input)
    for (const is of [isOtherProtocol, isRequest])
      for (const end of cutsOf(input)) must(!is(input.subarray(0, end)) || is(input), 'another protocol became none')
    if (input.length < INIT_LENGTH) return [made, isOtherProtocol(input), isRequest(input)]
    const { up, down } = rawKeys(input)
    mustBeSame([...down.key, ...down.iv].reverse(), [...up.key, ...up.iv], 'the keys are each other read backwards')
    const plain = decryptInit(input, up)
    must(plain.length === INIT_LENGTH, 'an init of another length')
    return [made, readInit(plain)]
  },
}

/** An init that we make says to its reader what we wanted to say. */
function mustReadBack(input: Uint8Array): unknown {
  const [first = 0, low = 0, high = 0] = input
  const framing = FRAMINGS[first % 3]
  const dc = ((low | (high << 8)) << 16) >> 16
  const random = new SeededRandom(mixed(input), 'init')
  const isInsideTls = (first & 0x40) !== 0
  const secret = (first & 0x80) === 0 ? undefined : SECRET
  const downlink =
    secret === undefined && (first & 0x20) !== 0 ? { key: random.bytes(32), iv: random.bytes(16) } : undefined
  const init = makeInit({ random, framing, dc, secret, downlink, isInsideTls })
  must(isInsideTls || !isForbidden(init.wire), 'an init that looks like another protocol')
  const keys = rawKeys(init.wire)
  const up = secret === undefined ? keys.up : withSecret(keys.up, secret)
  const read = readInit(decryptInit(init.wire, up))
  mustBeSame(read, { framing, dc }, 'an init read back')
  if (downlink !== undefined)
    mustBeSame([keys.down.key, keys.down.iv], [downlink.key, downlink.iv], 'the key that is passed on')
  const behind = random.bytes(40)
  mustBeSame(ctr(init.up, INIT_LENGTH).update(behind), goneOn(up, behind), 'the stream behind an init')
  return read
}

/** The same without counting: all 64 bytes go through the cipher first. */
function goneOn(key: { key: Uint8Array; iv: Uint8Array }, bytes: Uint8Array): Uint8Array {
  const cipher = ctr(key)
  cipher.update(new Uint8Array(INIT_LENGTH))
  return cipher.update(bytes)
}
