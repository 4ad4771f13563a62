import { RANDOM_AT } from '../../../src/core/protocol/faketls/tls.ts'
import { SeededRandom } from '../../world/random.ts'
import { Failed, type Context, type Group } from '../case.ts'
import { Talk, type TalkOptions } from '../talk.ts'

const DAY_SEC = 86_400
/** Around where a signed number turns over, and the last; small ones may be times since boot. */
const ENDS = [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]
/** Places of a hello: length, random, session id, what follows. */
const PLACES = [4, RANDOM_AT, RANDOM_AT + 27, RANDOM_AT + 31, 76, 200, 500]

/** The same hello in every call with the same options. */
async function hello(context: Context, seed: number, options: TalkOptions = {}): Promise<Talk> {
  return Talk.open(context, { ...options, random: new SeededRandom(seed, 'conformance') })
}

/** A hello whose byte at `place` is another one. */
async function expectNothingWithout(context: Context, place: number): Promise<void> {
  const twist = (first: Uint8Array) => first.map((byte, at) => (at === place ? byte ^ 1 : byte))
  try {
    await (await Talk.open(context, { twist })).expectNothing()
  } catch (error) {
    throw error instanceof Failed ? new Failed(`byte ${place}: ${error.message}`, error.observed) : error
  }
}

function expectAt(daysOff: number) {
  return async (context: Context) =>
    (await Talk.open(context, { stamp: context.clock.wall() + daysOff * DAY_SEC })).expectNothing()
}

function expectServedAt(secondsOff: number) {
  return async (context: Context) => (await Talk.open(context, { stamp: context.clock.wall() + secondsOff })).expectPq()
}

/** Somebody who recorded a hello has no secret. */
export const replay: Group = {
  title: 'recorded and dated hellos',
  cases: [
    {
      title: 'a recorded hello gets no answer of the proxy',
      needs: ['fake-tls'],
      run: async (context) => {
        const seed = context.random.below(2 ** 31)
        const stamp = context.clock.wall()
        await (await hello(context, seed, { stamp })).expectPq()
        await (await hello(context, seed, { stamp })).expectNothing()
      },
    },
    {
      title: 'nor does one that was changed in one byte',
      needs: ['fake-tls'],
      run: async (context) => {
        await Promise.all(PLACES.map((place) => expectNothingWithout(context, place)))
      },
    },
    { title: 'nor one from yesterday', needs: ['fake-tls'], run: expectAt(-1) },
    { title: 'nor one from tomorrow', needs: ['fake-tls'], run: expectAt(1) },
    { title: 'one from ten seconds ago is answered', needs: ['fake-tls'], run: expectServedAt(-10) },
    { title: 'so is one from a clock ten seconds ahead', needs: ['fake-tls'], run: expectServedAt(10) },
    {
      title: 'no stamp at the ends of what 32 bits hold gets an answer of the proxy',
      needs: ['fake-tls'],
      run: async (context) => {
        for (const stamp of ENDS) await (await Talk.open(context, { stamp })).expectNothing()
      },
    },
  ],
}
