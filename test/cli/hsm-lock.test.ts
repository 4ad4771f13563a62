import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withLock } from '../../src/cli/hsm/lock.ts'
import type { LoadedConfig } from '../../src/config/load.ts'

describe('the lock of commands that change a token', () => {
  let state = ''
  beforeEach(() => {
    state = join(mkdtempSync(join(tmpdir(), 'palisade-lock-')), 'state')
  })
  afterEach(() => rmSync(join(state, '..'), { recursive: true, force: true }))
  const locked = <T>(act: () => T): T => withLock({ config: { state: { path: state } } } as LoadedConfig, act)

  it('is there while the command is at work, and gone behind it, however it ended', () => {
    expect(locked(() => existsSync(join(state, 'hsm.lock')))).toBe(true)
    expect(() =>
      locked(() => {
        throw new Error('refused')
      }),
    ).toThrow('refused')
    expect(readdirSync(state)).toEqual([])
  })

  it('refuses a second command, and is not taken away by it', () => {
    locked(() => {
      expect(() => locked(() => {})).toThrow(
        `another command changes it at this moment (process ${process.pid}); try again`,
      )
      expect(existsSync(join(state, 'hsm.lock'))).toBe(true)
    })
  })

  it.each(['of a process that is gone', 'of nobody'])('does not count %s', (whose) => {
    locked(() => {})
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    writeFileSync(join(state, 'hsm.lock'), whose === 'of nobody' ? 'x' : `${pid}\n`)
    expect(locked(() => 'done')).toBe('done')
    expect(readdirSync(state)).toEqual([])
  })
})
