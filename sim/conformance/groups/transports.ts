import type { Context, Group } from '../case.ts'
import { Talk, type TalkOptions } from '../talk.ts'

const served = (options: TalkOptions) => async (context: Context) => {
  const talk = await Talk.open(context, options)
  await talk.expectPq()
}
const AT_ONCE = 8

/** Every way in which a client may speak. */
export const transports: Group = {
  title: 'transports',
  cases: [
    { title: 'abridged', needs: ['plain'], run: served({ framing: 'abridged' }) },
    { title: 'intermediate', needs: ['plain'], run: served({ framing: 'intermediate' }) },
    { title: 'padded intermediate', needs: ['padding'], run: served({ framing: 'padded' }) },
    { title: 'the init travels alone, the first packet behind it', run: served({ isInitAlone: true }) },
    {
      title: 'three questions without waiting for answers',
      run: async (context) => (await Talk.open(context)).expectPq(3),
    },
    {
      title: 'a media data centre, by its negative number',
      run: async (context) => (await Talk.open(context, { dc: -context.dc })).expectPq(),
    },
    {
      title: `${AT_ONCE} clients at once, as one phone opens them`,
      run: async (context) => {
        await Promise.all(Array.from({ length: AT_ONCE }, async () => (await Talk.open(context)).expectPq()))
      },
    },
    {
      title: 'everything from the first byte to the third question in one segment',
      run: async (context) => (await Talk.open(context, { isHasty: true, questions: 3 })).expectAnswers(),
    },
  ],
}
