import { SeededRandom } from '../../world/random.ts'
import { Failed, type Context, type Group } from '../case.ts'
import { Talk } from '../talk.ts'

/** Where a message could wrongly be thought to end: headers, keys, tags, the end of the init, of a short hello, of a segment. */
const CUTS = [
  1, 2, 3, 4, 5, 6, 7, 8, 11, 40, 43, 44, 55, 56, 59, 60, 63, 64, 65, 66, 68, 75, 76, 200, 516, 517, 518, 1460,
]
const LENGTHS = [2, 3, 5, 7, 11, 13, 16, 17, 63, 65, 500]
const RANDOM_RUNS = 20
const RANDOM_MAX = 200

async function expectServedInPieces(context: Context, what: string, pieces: () => number): Promise<void> {
  try {
    await (await Talk.open(context, { pieces })).expectPq()
  } catch (error) {
    throw error instanceof Failed ? new Failed(`${what}: ${error.message}`, error.observed) : error
  }
}

/** TCP keeps no borders: whatever a client says may come in any pieces. */
export const chunking: Group = {
  title: 'pieces',
  cases: [
    { title: 'byte by byte', run: (context) => expectServedInPieces(context, 'byte by byte', () => 1) },
    {
      title: 'cut once, at every place of note',
      run: async (context) => {
        for (const cut of CUTS) {
          let isFirst = true
          await expectServedInPieces(context, `cut at byte ${cut}`, () => {
            const length = isFirst ? cut : Infinity
            isFirst = false
            return length
          })
        }
      },
    },
    {
      title: 'pieces of one length, for many lengths',
      run: async (context) => {
        for (const length of LENGTHS) await expectServedInPieces(context, `pieces of ${length}`, () => length)
      },
    },
    {
      title: `pieces of any length, ${RANDOM_RUNS} times`,
      run: async (context) => {
        for (let run = 0; run < RANDOM_RUNS; run++) {
          const seed = context.random.below(2 ** 31)
          const random = new SeededRandom(seed, 'conformance')
          await expectServedInPieces(context, `pieces of seed ${seed}`, () => 1 + random.below(RANDOM_MAX))
        }
      },
    },
  ],
}
