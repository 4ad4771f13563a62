import { describe, expect, it } from 'vitest'
import { MergedMetrics } from '../../src/observe/merge.ts'
import { Metrics, type Readings } from '../../src/observe/metrics.ts'

const ALICE = {
  ...{ name: 'alice', connections: 5, addresses: 2, open: 2, clientToDcBytes: 30, dcToClientBytes: 40 },
  quota: { bytes: 1000, period: 'day' as const, usedBytes: 140 },
}

function worker(openConnections: number, loopLagSec: number) {
  const readings = {
    ...{ openConnections, loopLagSec, links: 0, linkClients: 0, ahead: 0, pins: [], sockets: 0 },
    ...{ listedPrefixes: 0, staleNames: 0, users: () => [ALICE] },
    buffers: { inUse: 0, highWater: 0, slabs: 0, ceiling: 0, turns: 0, paused: 0, ended: 0 },
    ...{ clientToDcBytes: 10, dcToClientBytes: 20, socketsRefused: 0, memoryBytes: { rss: 5 }, cpuSec: 1.5 },
  } satisfies Readings
  const metrics = new Metrics(() => readings, { version: '1', runtime: 'bun' })
  metrics.emit({ kind: 'relaying', connection: 1, dc: 2, way: 'direct', waitMs: 30 })
  return metrics
}

async function lines(merged: MergedMetrics, workers: readonly Metrics[]): Promise<string[]> {
  const text = await merged.text(await Promise.all(workers.map((metrics) => metrics.snapshot())))
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

describe('metrics of several processes', () => {
  it('are those of one program: sums, and the worst where a sum means nothing', async () => {
    const merged = new MergedMetrics(() => 2)
    merged.addUsers(() => [ALICE])
    const found = await lines(merged, [worker(3, 0.25), worker(4, 0.5)])
    expect(found).toEqual(
      expect.arrayContaining([
        'palisade_connections 7',
        'palisade_event_loop_lag_seconds 0.5',
        'palisade_user_connections{secret="alice"} 5',
        'palisade_user_addresses{secret="alice"} 2',
        'palisade_user_quota_used_bytes{secret="alice"} 140',
        'palisade_user_bytes_total{secret="alice",direction="dc_to_client"} 80',
        'palisade_bytes_total{direction="client_to_dc"} 20',
        'palisade_memory_bytes{kind="rss"} 10',
        'palisade_cpu_seconds_total 3',
        'palisade_build_info{version="1",runtime="bun"} 1',
        'palisade_way_wait_seconds_count{way="direct"} 2',
        'palisade_way_wait_seconds_bucket{le="0.05",way="direct"} 2',
        'palisade_workers 2',
      ]),
    )
    expect(found.map((line) => line.split(' ')[0])).toHaveLength(new Set(found.map((line) => line.split(' ')[0])).size)
  })

  it('keep what processes counted that are gone, and forget what they held', async () => {
    const merged = new MergedMetrics(() => 1)
    for (const gone of [worker(3, 0.25), worker(3, 0.25)]) merged.ended('told', await gone.snapshot())
    merged.ended('crashed', undefined)
    expect(await lines(merged, [worker(4, 0.5)])).toEqual(
      expect.arrayContaining([
        'palisade_connections 4',
        'palisade_bytes_total{direction="dc_to_client"} 60',
        'palisade_way_wait_seconds_count{way="direct"} 3',
        'palisade_worker_ends_total{how="told"} 2',
        'palisade_worker_ends_total{how="crashed"} 1',
      ]),
    )
  })

  it('count a reload once, however many processes took it over', async () => {
    const merged = new MergedMetrics(() => 2)
    const workers = [worker(0, 0), worker(0, 0)]
    for (const metrics of workers) metrics.reloaded('applied')
    merged.reloaded('applied')
    const found = await lines(merged, workers)
    expect(found.filter((line) => line.includes('reloads_total'))).toEqual([
      'palisade_config_reloads_total{result="applied"} 1',
      'palisade_config_reloads_total{result="refused"} 0',
    ])
  })

  it('of an HSM: its use is added up, and the worst process says whether it answers', async () => {
    const merged = new MergedMetrics(() => 2)
    const workers = [true, false].map((isUp) => {
      const metrics = worker(0, 0)
      const vault = metrics.addVault(() => ({ isUp, asked: 1, waiting: 2 }))
      vault.answered('match', 'matched', 0.07)
      vault.failed('CKR_DEVICE_ERROR')
      vault.failed('whatever a module says')
      return metrics
    })
    expect(await lines(merged, workers)).toEqual(
      expect.arrayContaining([
        'palisade_vault_up 0',
        'palisade_vault_waiting{state="asked"} 2',
        'palisade_vault_waiting{state="outage"} 4',
        'palisade_vault_operations_total{operation="match",result="matched"} 2',
        'palisade_vault_operation_seconds_bucket{le="0.00005",operation="match"} 0',
        'palisade_vault_operation_seconds_bucket{le="0.0001",operation="match"} 2',
        'palisade_vault_errors_total{code="CKR_DEVICE_ERROR"} 2',
        'palisade_vault_errors_total{code="other"} 2',
      ]),
    )
    expect((await lines(merged, [worker(0, 0)])).filter((line) => line.includes('vault'))).toEqual([])
  })
})
