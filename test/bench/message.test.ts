import { describe, expect, it } from 'vitest'
import { ctr } from '../../src/core/protocol/ctr.ts'
import { FRAMINGS } from '../../src/core/protocol/framing/index.ts'
import { INIT_LENGTH } from '../../src/core/protocol/obfuscated2.ts'
import { isPlainMessage } from '../../src/core/protocol/rpc/index.ts'
import { FIRST_MESSAGE_BYTES, framed, messageOf } from '../../bench/load/message.ts'
import { makeOpening } from '../../bench/load/opening.ts'

/** Payloads of the frames in `bytes`, as the proxy reads them. */
function payloads(framing: 'intermediate' | 'padded', bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = []
  const verdict = FRAMINGS[framing].reader().push(bytes, (frame) => {
    if (frame.kind === 'packet') found.push(frame.payload.slice())
  })
  expect(verdict).toBe('ok')
  return found
}

describe('messages of the generator', () => {
  it.each(['intermediate', 'padded'] as const)('are messages under a key in frames that %s readers take', (framing) => {
    const message = messageOf(7, 128)
    expect(payloads(framing, framed(message))).toEqual([message])
    expect(isPlainMessage(message)).toBe(false)
  })
})

describe('an opening by middle proxy', () => {
  it.each(['plain', 'dd'] as const)('ends with a first message that names its client, in mode %s', (mode) => {
    const { init, keys, number, sentBytes } = makeOpening('middle', mode)
    if (keys === undefined) throw new Error('no keys')
    expect(init).toHaveLength(sentBytes)
    const behind = ctr(keys.up, INIT_LENGTH).update(init.subarray(INIT_LENGTH))
    const framing = mode === 'plain' ? 'intermediate' : 'padded'
    expect(payloads(framing, Uint8Array.from(behind))).toEqual([messageOf(number, FIRST_MESSAGE_BYTES)])
  })

  it('is the bare init on the direct way', () => {
    expect(makeOpening('direct', 'plain').init).toHaveLength(INIT_LENGTH)
  })
})
