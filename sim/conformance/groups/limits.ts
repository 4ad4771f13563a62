import { concat } from '../../../src/core/protocol/bytes.ts'
import { Failed, type Group } from '../case.ts'
import { Talk } from '../talk.ts'
import { expectStillThere } from './obfuscated2.ts'

const HALF_OPEN = 100
const RESETS = 200
const FLOOD_BYTES = 4 << 20
const UNREAD = 8
const SILENT = 300
/** A hello of two kilobytes in pieces of 100 bytes, 50 ms apart. */
const SLOW_PIECE_BYTES = 100
const SLOW_GAP_MS = 50
const DRIP_BYTES = 20

/** What others do must not be felt by a client. */
export const limits: Group = {
  title: 'strain',
  isSerial: true,
  cases: [
    {
      title: `${HALF_OPEN} connections that say the half of it, and one that says it all`,
      run: async (context) => {
        const half =
          context.secret.mode === 'fake-tls' ? Uint8Array.of(0x16, 3, 1, 2, 0, 1) : new Uint8Array(30).fill(7)
        for (let at = 0; at < HALF_OPEN; at++) (await context.dial()).send(half)
        await expectStillThere(context)
      },
    },
    {
      title: `${RESETS} connections that are dropped at once`,
      run: async (context) => {
        for (let at = 0; at < RESETS; at++) (await context.dial()).close()
        await expectStillThere(context)
      },
    },
    {
      title: '4 MB of nothing in particular',
      run: async (context) => {
        const wire = await context.dial()
        wire.send(concat(context.random.fill(new Uint8Array(64)), new Uint8Array(FLOOD_BYTES).fill(0x2e)))
        await expectStillThere(context)
      },
    },
    {
      title: `${UNREAD} clients that do not read what they asked for`,
      needs: ['telegram'],
      run: async (context) => {
        for (let at = 0; at < UNREAD; at++) {
          const talk = await Talk.open(context)
          await talk.agree()
          talk.wire.pause()
          for (let part = 0; part < 8; part++)
            talk.client.getFile({ id: 1n, offset: part << 19, limit: 1 << 19 }, () => {})
        }
        await expectStillThere(context)
      },
    },
    {
      title: 'a client ends its direction: what was asked before is answered, and the connection ends',
      run: async (context) => {
        const talk = await Talk.open(context)
        await talk.expectPq()
        talk.wire.end()
        const { ending } = await talk.wire.heard(context.answerMs)
        if (ending === 'open') throw new Failed('the connection stayed open')
      },
    },
    {
      title: `${SILENT} connections that say nothing, and one client`,
      run: async (context) => {
        for (let at = 0; at < SILENT; at++) await context.dial()
        await expectStillThere(context)
      },
    },
    {
      title: 'a client whose first words take a second is served, and others meanwhile',
      run: async (context) => {
        const pieces = () => SLOW_PIECE_BYTES
        const slow = await Talk.open(context, { pieces, gapMs: SLOW_GAP_MS })
        await expectStillThere(context)
        await slow.expectPq()
      },
    },
    {
      title: 'a hello that never gets whole is not answered, and holds up nobody',
      run: async (context) => {
        const half = context.secret.mode === 'fake-tls' ? Uint8Array.of(0x16, 3, 1, 2, 0, 1) : Uint8Array.of(7)
        const wire = await context.dial()
        wire.send(half)
        const drip = wire.sendInPieces(new Uint8Array(DRIP_BYTES).fill(1), () => 1, context.silenceMs / DRIP_BYTES)
        await expectStillThere(context)
        await drip
        if (wire.received.length > 0) throw new Failed('it was answered', wire.received)
      },
    },
  ],
}
