import { describe, expect, it } from 'vitest'
import { notesOf } from '../../../sim/replay/notes.ts'
import type { Timeline } from '../../../sim/replay/timeline.ts'
import { OPEN_ACCESS, UNGUARDED, type GuardSettings, type Settings } from '../../../src/core/settings.ts'
import { recordConfig, type Policy, type RecordedConfig } from '../../../src/observe/trace/recorded.ts'

const policy: Policy = {
  access: OPEN_ACCESS,
  guard: { ...UNGUARDED, isEnabled: true },
  secrets: [
    {
      ...{ id: 1, name: 'family', modes: ['fake-tls'], domain: 'www.example.com', onRemove: 'drain' },
      ...{ expiresAt: 0, access: 'standard' },
    },
  ],
}

function recordedBy(its: Policy): RecordedConfig {
  return recordConfig(
    its,
    (ip) => ip,
    () => 0,
  )
}

function notes(next: Policy, configs: readonly RecordedConfig[] = [recordedBy(policy)]): string[] {
  const timeline = { configs, lost: 0 } as unknown as Timeline
  return notesOf({ timeline, next: next as Settings, hasKey: true, missing: [], stateFolder: 'state' })
}

const withGuard = (guard: Partial<GuardSettings>): Policy => ({ ...policy, guard: { ...policy.guard, ...guard } })

describe('the notes of a replay', () => {
  it('are none where everything is evaluated', () => {
    expect(notes(policy)).toEqual([])
    expect(notes(withGuard({ connectionsPerIp: 1 }))).toEqual([])
  })

  it('name overload only where its thresholds are others', () => {
    const { overload } = policy.guard
    const next = withGuard({ overload: { ...overload, memory: { from: 0.5, to: 0.95 } } })
    const note = 'guard.overload is not replayed: how short things were is taken from the recording'
    expect(notes(next)).toEqual([note])
    const twice = [recordedBy(next), recordedBy(policy)]
    expect(notes(next, twice)).toEqual(['the configuration was changed 1 times during the recording', note])
  })

  it('say that the budget of trials is not asked of a recording that an older version made', () => {
    const [config] = [recordedBy(policy)]
    const old = { ...config, users: config.users.map(({ host: _, ...user }) => user) }
    expect(notes(policy, [old])).toEqual([
      'the budget of secret trials is not evaluated: an older version recorded this, without the hosts of users',
    ])
  })

  it('name each list that cannot be asked', () => {
    const missing = [{ name: 'bad.netset', why: 'it does not exist' }]
    const timeline = { configs: [recordedBy(policy)], lost: 0 } as unknown as Timeline
    expect(notesOf({ timeline, next: policy as Settings, hasKey: true, missing, stateFolder: 'state' })).toEqual([
      'access.lists: bad.netset is not evaluated, since it does not exist: what it said of an address when it came still holds',
    ])
  })
})
