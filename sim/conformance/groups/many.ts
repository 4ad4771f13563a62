import { fromAscii } from '../../../src/core/protocol/bytes.ts'
import { makeClientHello } from '../../../src/core/protocol/faketls/make-hello.ts'
import { SeededRandom } from '../../world/random.ts'
import { Failed, type Context, type Group, type Need } from '../case.ts'
import { differenceOfMany } from '../likeness.ts'
import { Talk } from '../talk.ts'
import type { Heard } from '../wire.ts'

/** Pairs at once: so many that most of the time is waiting, so few that they do not wait for each other. */
const PAIRS_AT_ONCE = 10

interface Question {
  readonly title: string
  readonly needs?: readonly Need[]
  /** What is said each time. Called once: it may be a client first. */
  readonly prepare: (context: Context) => Promise<() => Uint8Array>
}

const QUESTIONS: readonly Question[] = [
  {
    title: 'random bytes',
    prepare: ({ random }) => Promise.resolve(() => random.fill(new Uint8Array(64 + random.below(1000)))),
  },
  {
    title: 'an HTTP request',
    prepare: ({ random }) =>
      Promise.resolve(() => fromAscii(`GET /${random.below(1000)} HTTP/1.1\r\nHost: example.com\r\n\r\n`)),
  },
  {
    title: 'a hello without our secret',
    prepare: ({ random, secret }) =>
      Promise.resolve(() => {
        const privateKey = random.fill(new Uint8Array(32))
        return makeClientHello({ random, domain: secret.domain || 'www.example.com', privateKey }).record
      }),
  },
  {
    title: 'a recorded hello',
    needs: ['fake-tls'],
    prepare: async (context) => {
      const random = new SeededRandom(context.random.below(2 ** 31), 'conformance')
      const talk = await Talk.open(context, { random })
      await talk.expectPq()
      return () => talk.tls?.hello.record ?? new Uint8Array(0)
    },
  },
]

/** One question to both, at the same time, so that a busy machine or line is as busy for both. */
async function askBoth(context: Context, bytes: Uint8Array): Promise<readonly [Heard, Heard]> {
  const [ours, site] = await Promise.all([context.dial(), context.dial(context.mask)])
  for (const wire of [ours, site]) wire.send(bytes)
  const [mine, theirs] = await Promise.all([ours.heard(context.silenceMs), site.heard(context.silenceMs)])
  // One that ends just behind the time of our silence ends all the same.
  const isOdd = mine.ending !== theirs.ending && (mine.ending === 'open' || theirs.ending === 'open')
  return isOdd ? Promise.all([ours.heard(context.silenceMs), site.heard(context.silenceMs)]) : [mine, theirs]
}

async function expectLikeSite({ title, prepare }: Question, context: Context): Promise<void> {
  const next = await prepare(context)
  const pairs: (readonly [Heard, Heard])[] = []
  while (pairs.length < context.samples) {
    const wanted = Math.min(PAIRS_AT_ONCE, context.samples - pairs.length)
    pairs.push(...(await Promise.all(Array.from({ length: wanted }, () => askBoth(context, next())))))
  }
  const [ours, theirs] = [pairs.map(([mine]) => mine), pairs.map(([, other]) => other)]
  const difference = differenceOfMany(ours, theirs, context.slackMs)
  if (difference !== undefined) throw new Failed(`${title}, ${context.samples} times: ${difference}`, ours[0].bytes)
}

/** What no single answer shows: how a proxy differs from its site on the whole. */
export const many: Group = {
  title: 'strangers, many of each',
  cases: QUESTIONS.map((question) => ({
    title: `${question.title}, again and again: ends, lengths and times are those of the site`,
    needs: ['mask', ...(question.needs ?? [])] as const,
    run: (context: Context) => expectLikeSite(question, context),
  })),
}
