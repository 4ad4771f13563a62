import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { answerCommand, type Control, type Status } from '../../src/admin/commands.ts'
import type { ReloadResult } from '../../src/config/live.ts'

const STATUS = { state: 'running', open: 5 } as Status

function makeControl(reload: ReloadResult = { ok: true, applied: [], cold: [] }) {
  const calls: string[] = []
  const control: Control = {
    status: () => STATUS,
    reload: () => {
      calls.push('reload')
      return reload
    },
    drain: () => void calls.push('drain'),
  }
  return { control, calls }
}

describe('local commands', () => {
  it('status tells, and changes nothing', () => {
    const { control, calls } = makeControl()
    expect(answerCommand('{"command":"status"}', control)).toEqual({ ok: true, result: STATUS })
    expect(calls).toEqual([])
  })

  it('reload names what was applied and what waits', () => {
    const { control } = makeControl({ ok: true, applied: ['secret'], cold: ['listen.backlog'] })
    expect(answerCommand('{"command":"reload"}', control)).toEqual({
      ok: true,
      result: { applied: ['secret'], cold: ['listen.backlog'] },
    })
  })

  it('reload passes on every problem', () => {
    const problems = ['palisade.toml:1: a', 'palisade.toml:2: b']
    const { control } = makeControl({ ok: false, problems })
    expect(answerCommand('{"command":"reload"}', control)).toMatchObject({ ok: false, problems })
  })

  it('drain begins the drain and tells how many are open', () => {
    const { control, calls } = makeControl()
    expect(answerCommand('{"command":"drain"}', control)).toEqual({ ok: true, result: { open: 5 } })
    expect(calls).toEqual(['drain'])
  })

  it.each(['', 'status', '{}', '[]', 'null', '7', '{"command":"stop"}', '{"command":["drain"]}', '{"command":"drain"'])(
    'does nothing for %j',
    (line) => {
      const { control, calls } = makeControl()
      expect(answerCommand(line, control)).toMatchObject({ ok: false })
      expect(calls).toEqual([])
    },
  )

  test.prop([fc.oneof(fc.string(), fc.json())])('survives any line', (line) => {
    expect(answerCommand(line, makeControl().control).ok).toBe(false)
  })
})
