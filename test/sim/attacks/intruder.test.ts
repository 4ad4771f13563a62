import { describe, expect, it } from 'vitest'
import { Intruder } from '../../../sim/attacks/intruder.ts'
import type { Timeline } from '../../../sim/attacks/stage.ts'
import type { AttackEnd } from '../../../sim/attacks/tally.ts'
import type { Connection } from '../../../src/core/ports.ts'

/** An attacker who has connected and stays until `leave`; what he was told goes into `ends`. */
function intruder() {
  const ends: AttackEnd[] = []
  let leave = () => {}
  const world = {
    after: (_: number, run: () => void) => {
      leave = run
      return { cancel() {} }
    },
  } as Partial<Timeline> as Timeline
  const script = { pieces: [] }
  const one = new Intruder({
    ...{ world, script, holdMs: 1, keys: [], onServed: () => ends.push('served') },
    onEnd: (end) => ends.push(end),
  })
  return { one, ends, leave: () => leave() }
}

describe('an attacker', () => {
  const connection = { write: () => 0, close() {} } as Partial<Connection> as Connection

  it.each([
    { end: 'unmade', live: ({ one }: ReturnType<typeof intruder>) => one.onFail() },
    { end: 'closed', live: ({ one }: ReturnType<typeof intruder>) => (one.onOpen(connection), one.onEnd()) },
    { end: 'closed', live: ({ one }: ReturnType<typeof intruder>) => (one.onOpen(connection), one.onClose()) },
    { end: 'silent', live: ({ one, leave }: ReturnType<typeof intruder>) => (one.onOpen(connection), leave()) },
    {
      end: 'answered',
      live: ({ one }: ReturnType<typeof intruder>) => (
        one.onOpen(connection),
        one.onData(Uint8Array.of(1)),
        one.onEnd()
      ),
    },
  ])('tells once that his connection was $end', ({ end, live }) => {
    const found = intruder()
    live(found)
    found.one.onClose()
    expect(found.ends).toEqual([end])
  })
})
