import { describe, expect, it } from 'vitest'
import { Names, newLevel, newTerms, recordedTerms, type Listed } from '../../../sim/replay/terms.ts'
import type { Visit } from '../../../sim/replay/timeline.ts'
import { parseIp } from '../../../src/core/address.ts'
import { readList } from '../../../src/core/guard/access/list-reader.ts'
import type { AccessLevel } from '../../../src/core/guard/access/levels.ts'
import { OPEN_ACCESS, UNGUARDED, type AccessSettings } from '../../../src/core/settings.ts'
import { digestOf, recordConfig, type Policy } from '../../../src/observe/trace/recorded.ts'

const LISTED = '198.51.7.9'
const NOT_LISTED = '198.51.8.9'
const SOURCE = 'bad.netset'
const listed = listOf('198.51.7.0/24')

function listOf(text: string): Listed {
  const list = readList(new TextEncoder().encode(text), 100)
  if ('fault' in list) throw new Error(list.fault)
  return new Map([[digestOf(SOURCE), list.prefixes]])
}

function listWith(level: AccessLevel): Policy {
  return withAccess({ lists: [{ source: SOURCE, level, refreshMs: 1 }] })
}

function withAccess(access: Partial<AccessSettings>): Policy {
  return { access: { ...OPEN_ACCESS, ...access }, guard: UNGUARDED, secrets: [] }
}

/** The level of a visit that was recorded with one, by other settings. */
function levelBy(recorded: Policy, next: Policy, ip: string, level: AccessLevel, lists = listed): AccessLevel {
  const names = new Names()
  const config = recordConfig(
    recorded,
    (bytes) => bytes,
    () => 0,
  )
  const before = recordedTerms(config, names, lists)
  const bytes = parseIp(ip) ?? new Uint8Array(4)
  return newLevel(newTerms(next, names, lists), [before], true)({ bytes, level, config: 0 } as Visit)
}

describe('the level of an address by a new configuration', () => {
  it('is what a new list says of it', () => {
    const [open, next] = [withAccess({}), listWith('none')]
    expect(levelBy(open, next, LISTED, 'standard')).toBe('none')
    expect(levelBy(open, next, NOT_LISTED, 'standard')).toBe('standard')
  })

  it('is free of a list that is none of the new one', () => {
    const [recorded, next] = [listWith('none'), withAccess({})]
    expect(levelBy(recorded, next, LISTED, 'none')).toBe('standard')
    expect(levelBy(recorded, next, NOT_LISTED, 'standard')).toBe('standard')
  })

  it('follows a list whose level is another', () => {
    expect(levelBy(listWith('none'), listWith('limited'), LISTED, 'none')).toBe('limited')
  })

  it('is that of the recording where both have the same list, whatever it says by now', () => {
    expect(levelBy(listWith('none'), listWith('none'), LISTED, 'standard')).toBe('standard')
    expect(levelBy(listWith('none'), listWith('none'), NOT_LISTED, 'none')).toBe('none')
  })

  it('is that of the recording where the list cannot be had', () => {
    expect(levelBy(listWith('none'), withAccess({}), LISTED, 'none', new Map())).toBe('none')
    expect(levelBy(withAccess({}), listWith('none'), LISTED, 'standard', new Map())).toBe('standard')
  })

  it('is that of a rule, unless a list names a longer prefix', () => {
    const deny = ['198.51.0.0/16']
    const next = withAccess({ deny, lists: listWith('full').access.lists })
    expect(levelBy(withAccess({}), next, LISTED, 'standard')).toBe('full')
    expect(levelBy(withAccess({}), next, NOT_LISTED, 'standard')).toBe('none')
  })
})
