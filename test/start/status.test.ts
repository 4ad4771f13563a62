import { describe, expect, it } from 'vitest'
import type { WorkerStatus } from '../../src/admin/commands.ts'
import { sumOf } from '../../src/start/status.ts'

function worker(column: number, vault?: WorkerStatus['vault']): WorkerStatus {
  const bytes = { client_to_dc: 1, dc_to_client: 2 }
  return { pid: 7, column, state: 'running', open: 3, accepted: 4, bytes, ...(vault === undefined ? {} : { vault }) }
}

describe('the status of several processes', () => {
  it('says that the vault is gone when it is for one of them, and nothing of it where there is none', () => {
    expect(sumOf([worker(0, 'answers'), worker(1, 'gone')])).toMatchObject({ open: 6, vault: 'gone' })
    expect(sumOf([worker(0, 'answers'), worker(1)])).toMatchObject({ vault: 'answers' })
    expect(sumOf([worker(0), worker(1)])).not.toHaveProperty('vault')
  })
})
