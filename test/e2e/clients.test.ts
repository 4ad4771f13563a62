import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pingWithTdlib } from './clients.ts'
import { SECRETS, writtenSecret } from './config.ts'
import { RUNTIMES } from './program.ts'
import { Stage } from './stage.ts'

describe.each(RUNTIMES)('clients through the program on %s', (runtime) => {
  let stage: Stage
  beforeAll(async () => {
    stage = await Stage.open(runtime)
  })
  afterAll(() => stage.close())

  it.each(SECRETS)('TDLib pings a DC with the $name secret', async (secret) => {
    const before = stage.dc.counters.answered
    const answer = await pingWithTdlib(stage.program.port, writtenSecret(secret))
    expect(answer.error).toBeUndefined()
    expect(answer.seconds).toBeGreaterThan(0)
    // A ping is two requests for pq, and each must have reached the DC.
    expect(stage.dc.counters.answered - before).toBe(2)
  })

  it('TDLib is refused with a secret that nobody configured', async () => {
    const stranger = { ...SECRETS[2], key: '99999999999999999999999999999999' }
    const answer = await pingWithTdlib(stage.program.port, writtenSecret(stranger))
    expect(answer.error).toMatch(/hash mismatch|hello is invalid|too many data/i)
  })
})
