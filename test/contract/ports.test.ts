import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runUnderBun } from './bun.ts'
import { removeTokens } from './softhsm.ts'
import { suites } from './suites.ts'

/** Every suite, on Node in this process and on Bun in another one. */
const SUITE_TIMEOUT_MS = 120_000

afterAll(removeTokens)

for (const [suite, cases] of Object.entries(suites)) {
  describe(`${suite} on Node`, () => {
    for (const { name, run } of cases) it(name, () => run())
  })

  describe(`${suite} on Bun`, () => {
    let bun: Awaited<ReturnType<typeof runUnderBun>>
    beforeAll(async () => {
      bun = await runUnderBun(suite)
    }, SUITE_TIMEOUT_MS)

    for (const { name } of cases) {
      it(name, () => {
        const result = bun.results.get(name)
        expect(result, bun.talk).toBeDefined()
        expect(result?.error).toBeUndefined()
      })
    }
  })
}
