import { describe, expect, it } from 'vitest'
import { LinkHandshake } from '../../../../src/core/telegram/middle/handshake.ts'
import { linkKeys, pidOf, type Nonce } from '../../../../src/core/protocol/rpc/index.ts'
import { World } from '../../../../sim/world/world.ts'

const PUBLIC = { ip: '203.0.113.7', port: 40_000 }
const MIDDLE = { ip: '149.154.175.50', port: 8888 }
const RUN = { pid: 77, startedSec: 1_700_000_000 }
const SECRET = { bytes: Uint8Array.from({ length: 128 }, (_, at) => at + 1), selector: 0x04030201 }

function begin() {
  const world = new World(1)
  const options = { secret: SECRET, run: RUN, clock: world.clock, random: world.random('link') }
  return new LinkHandshake(PUBLIC, MIDDLE, options)
}

const answerTo = ({ nonce }: LinkHandshake, change: Partial<Nonce> = {}): Nonce => ({
  ...nonce,
  nonce: new Uint8Array(16).fill(9),
  ...change,
})

describe('LinkHandshake', () => {
  it('derives the keys from our address as the other side sees it, and names it', () => {
    const handshake = begin()
    const theirs = answerTo(handshake)
    const step = handshake.take(theirs)
    const keys = linkKeys({
      secret: SECRET.bytes,
      middleNonce: theirs.nonce,
      proxyNonce: handshake.nonce.nonce,
      proxyWallSec: handshake.nonce.wallSec,
      middle: MIDDLE,
      proxy: PUBLIC,
    })
    expect(step).toEqual({
      kind: 'keys',
      keys,
      answer: {
        kind: 'handshake',
        flags: 0,
        sender: pidOf(PUBLIC, RUN),
        peer: pidOf(MIDDLE, { pid: 0, startedSec: 0 }),
      },
    })
    const sender = pidOf(MIDDLE, { pid: 1, startedSec: 1 })
    expect(handshake.take({ kind: 'handshake', flags: 0, sender, peer: pidOf(PUBLIC, RUN) })).toEqual({ kind: 'open' })
  })

  it.each([
    ['other-secret', { selector: 1 }],
    ['other-schema', { schema: 2 }],
    ['clock-skew', { wallSec: 1 }],
  ] as const)('ends with %s', (why, change) => {
    const handshake = begin()
    expect(handshake.take(answerTo(handshake, change))).toEqual({ kind: 'failed', why })
  })

  it('refuses what is out of turn, an error, and an answer to somebody else', () => {
    const sender = pidOf(MIDDLE, { pid: 1, startedSec: 1 })
    const other = { kind: 'handshake', flags: 0, sender, peer: pidOf({ ...PUBLIC, port: 1 }, RUN) } as const
    expect(begin().take(other)).toEqual({ kind: 'failed', why: 'bad-frame' })
    for (const [packet, why] of [
      [{ kind: 'ping', id: 1n }, 'bad-frame'],
      [{ kind: 'handshake-error', code: -4, sender }, 'handshake-refused'],
      [other, 'other-peer'],
    ] as const) {
      const handshake = begin()
      handshake.take(answerTo(handshake))
      expect(handshake.take(packet)).toEqual({ kind: 'failed', why })
    }
  })
})
