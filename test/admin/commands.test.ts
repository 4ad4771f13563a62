import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { answerCommand, type Control, type Status } from '../../src/admin/commands.ts'
import type { Desk } from '../../src/admin/desk.ts'
import type { ReloadResult } from '../../src/config/live.ts'

const WORKERS = [{ state: 'running' }, { state: 'running' }, { state: 'starting' }]
const STATUS = { state: 'running', open: 5, workers: WORKERS } as unknown as Status

function makeControl(reload: ReloadResult = { ok: true, applied: [], cold: [] }, whyNoRestart?: string) {
  const calls: string[] = []
  const control: Control = {
    desk: {} as Desk,
    status: () => STATUS,
    reload: () => {
      calls.push('reload')
      return reload
    },
    drain: () => void calls.push('drain'),
    restart: () => {
      calls.push('restart')
      return whyNoRestart
    },
  }
  return { control, calls }
}

describe('local commands', () => {
  it('status tells, and changes nothing', async () => {
    const { control, calls } = makeControl()
    expect(await answerCommand('{"command":"status"}', control)).toEqual({ ok: true, result: STATUS })
    expect(calls).toEqual([])
  })

  it('reload names what was applied and what waits', async () => {
    const { control } = makeControl({ ok: true, applied: ['secret'], cold: ['listen.backlog'] })
    expect(await answerCommand('{"command":"reload"}', control)).toEqual({
      ok: true,
      result: { applied: ['secret'], cold: ['listen.backlog'] },
    })
  })

  it('reload passes on every problem', async () => {
    const problems = ['palisade.toml:1: a', 'palisade.toml:2: b']
    const { control } = makeControl({ ok: false, problems })
    expect(await answerCommand('{"command":"reload"}', control)).toMatchObject({ ok: false, problems })
  })

  it('drain begins the drain and tells how many are open', async () => {
    const { control, calls } = makeControl()
    expect(await answerCommand('{"command":"drain"}', control)).toEqual({ ok: true, result: { open: 5 } })
    expect(calls).toEqual(['drain'])
  })

  it('restart begins to replace the workers, or tells why not', async () => {
    const { control, calls } = makeControl()
    expect(await answerCommand('{"command":"restart"}', control)).toEqual({ ok: true, result: { workers: 2 } })
    expect(calls).toEqual(['restart'])
    const busy = makeControl(undefined, 'not now').control
    expect(await answerCommand('{"command":"restart"}', busy)).toEqual({ ok: false, error: 'not now' })
  })

  it.each(['', 'status', '{}', '[]', 'null', '7', '{"command":"stop"}', '{"command":["drain"]}', '{"command":"drain"'])(
    'does nothing for %j',
    async (line) => {
      const { control, calls } = makeControl()
      expect(await answerCommand(line, control)).toMatchObject({ ok: false })
      expect(calls).toEqual([])
    },
  )

  test.prop([fc.oneof(fc.string(), fc.json())])('survives any line', async (line) => {
    expect((await answerCommand(line, makeControl().control)).ok).toBe(false)
  })
})
