import { concat, fromAscii, fromHex } from '../../../src/core/protocol/bytes.ts'
import { Failed, type Context, type Group } from '../case.ts'
import { Talk } from '../talk.ts'
import { expectStillThere } from './obfuscated2.ts'

const V1 = fromAscii('PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n')
const V1_V6 = fromAscii('PROXY TCP6 2001:db8::1 2001:db8::2 40000 443\r\n')
const SIGNATURE = '0d0a0d0a000d0a515549540a'
const V2 = bytes(`${SIGNATURE}2111000cc0000201c00002029c4001bb`)
const V2_LOCAL = bytes(`${SIGNATURE}20000000`)

/** None of them is a header, and each is like one. */
const BROKEN: readonly (readonly [string, Uint8Array])[] = [
  ['no line end within 107 bytes', fromAscii(`PROXY TCP4 ${'1'.repeat(120)}\r\n`)],
  ['an address that is none', fromAscii('PROXY TCP4 192.0.2.256 192.0.2.2 40000 443\r\n')],
  ['a port that is none', fromAscii('PROXY TCP4 192.0.2.1 192.0.2.2 70000 443\r\n')],
  ['version 3', bytes(`${SIGNATURE}3111000cc0000201c00002029c4001bb`)],
  ['fewer bytes than its addresses need', bytes(`${SIGNATURE}21110004c0000201`)],
]

function bytes(digits: string): Uint8Array {
  return fromHex(digits) ?? new Uint8Array(0)
}

const served = (header: Uint8Array, pieces?: () => number) => async (context: Context) => {
  const talk = await Talk.open(context, { before: header, ...(pieces === undefined ? {} : { pieces }) })
  await talk.expectPq()
}

/** How a balancer in front says who a client is. */
export const proxyHeaders: Group = {
  title: 'PROXY headers',
  cases: [
    { title: 'version 1, IPv4', needs: ['proxy-headers'], run: served(V1) },
    { title: 'version 1, IPv6', needs: ['proxy-headers'], run: served(V1_V6) },
    { title: 'version 2', needs: ['proxy-headers'], run: served(V2) },
    { title: 'version 2, of the balancer itself', needs: ['proxy-headers'], run: served(V2_LOCAL) },
    { title: 'version 2, the client behind it byte by byte', needs: ['proxy-headers'], run: served(V2, () => 1) },
    {
      title: 'what is like a header but none serves nobody',
      needs: ['proxy-headers'],
      run: async (context) => {
        for (const [what, header] of BROKEN) {
          try {
            await (await Talk.open(context, { before: header })).expectNothing()
          } catch (error) {
            throw error instanceof Failed ? new Failed(`${what}: ${error.message}`, error.observed) : error
          }
        }
      },
    },
    {
      title: 'a header that goes on for ever is no harm',
      needs: ['proxy-headers'],
      run: async (context) => {
        const wire = await context.dial()
        wire.send(concat(fromAscii('PROXY '), new Uint8Array(1 << 16).fill(0x41)))
        await wire.heard(context.silenceMs)
        const talk = await Talk.open(context, { before: V1 })
        await talk.expectPq()
      },
    },
    {
      title: 'from somebody who is not trusted it serves nobody',
      needs: ['no-proxy-headers'],
      run: async (context) => {
        await (await Talk.open(context, { before: V1 })).expectNothing()
        await expectStillThere(context)
      },
    },
  ],
}
