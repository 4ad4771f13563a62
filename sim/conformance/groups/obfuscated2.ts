import { INIT_LENGTH } from '../../../src/core/protocol/obfuscated2.ts'
import { SeededRandom } from '../../world/random.ts'
import { Failed, type Context, type Group } from '../case.ts'
import { Talk } from '../talk.ts'

const TAG_AT = 56
const DC_NOBODY_HAS = 77

/** A key that no secret can be. */
export function wrongKey({ secret, random }: Context): Uint8Array {
  const key = random.fill(new Uint8Array(secret.key.length))
  key[0] = secret.key[0] ^ 1
  return key
}

/** Whatever happened before, the next client is served. */
export async function expectStillThere(context: Context): Promise<void> {
  try {
    await (await Talk.open(context)).expectPq()
  } catch (error) {
    throw error instanceof Failed ? new Failed(`afterwards: ${error.message}`, error.observed) : error
  }
}

export const obfuscated2: Group = {
  title: 'the opening 64 bytes',
  cases: [
    {
      title: 'under another secret nobody is served',
      needs: ['obfuscated'],
      run: async (context) => (await Talk.open(context, { key: wrongKey(context) })).expectNothing(),
    },
    {
      title: 'recorded ones, sent again byte by byte, serve nobody',
      needs: ['obfuscated'],
      run: async (context) => {
        const seed = context.random.below(2 ** 31)
        await (await Talk.open(context, { random: new SeededRandom(seed, 'conformance') })).expectPq()
        await (await Talk.open(context, { random: new SeededRandom(seed, 'conformance') })).expectNothing()
      },
    },
    {
      title: 'with a tag that names no transport they serve nobody',
      needs: ['obfuscated'],
      run: async (context) => {
        const twist = (first: Uint8Array) =>
          first.map((byte, at) => (at >= TAG_AT && at < TAG_AT + 4 ? byte ^ 0x21 : byte))
        await (await Talk.open(context, { twist })).expectNothing()
      },
    },
    {
      title: 'a secret with dd is for padded packets alone',
      needs: ['padded'],
      run: async (context) => (await Talk.open(context, { framing: 'intermediate' })).expectNothing(),
    },
    {
      title: 'a data centre that nobody has costs the next client nothing',
      run: async (context) => {
        const talk = await Talk.open(context, { dc: DC_NOBODY_HAS })
        talk.client.requestPq(() => {})
        await talk.wire.heard(context.silenceMs)
        await expectStillThere(context)
      },
    },
    {
      title: 'all but one byte of them, and the end of our direction, is no harm',
      run: async (context) => {
        const wire = await context.dial()
        wire.send(context.random.fill(new Uint8Array(INIT_LENGTH - 1)))
        wire.end()
        await wire.heard(context.silenceMs)
        await expectStillThere(context)
      },
    },
  ],
}
