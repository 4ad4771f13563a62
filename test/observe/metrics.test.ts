import { describe, expect, it } from 'vitest'
import { CLOSE_REASONS, REJECT_REASONS, type ProxyEvent } from '../../src/core/events.ts'
import { LoopLag } from '../../src/observe/lag.ts'
import { Metrics, type Readings } from '../../src/observe/metrics.ts'

const CLIENT = { ip: '203.0.113.77', port: 50_000 }
const READINGS: Readings = {
  openConnections: 3,
  links: 2,
  listedPrefixes: 7,
  users: () => [],
  linkClients: 9,
  staleNames: 2,
  ahead: 1,
  pins: [{ host: 'core.telegram.org', outcome: 'match', count: 4 }],
  clientToDcBytes: 1000,
  dcToClientBytes: 2000,
  buffers: { inUse: 4096, highWater: 8192, slabs: 262_144, ceiling: 67_108_864, turns: 5, paused: 6, ended: 7 },
  sockets: 6,
  socketsRefused: 1,
  loopLagSec: 0.25,
  memoryBytes: { rss: 1, heap_used: 2 },
  cpuSec: 7.5,
}

function closed(outcome: 'relayed' | 'masked', reason: 'eof' | 'masked'): ProxyEvent {
  return {
    kind: 'closed',
    connection: 1,
    client: CLIENT,
    reason,
    outcome,
    fromClientBytes: 1,
    toClientBytes: 1,
    ageMs: 1,
  }
}

function makeMetrics(readings: () => Readings = () => READINGS) {
  const metrics = new Metrics(readings, { version: '1.2.3', runtime: 'bun' })
  const samples = async () => (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return { metrics, samples }
}

describe('metrics', () => {
  it('count connections by outcome and reason, and handshakes by mode and result', async () => {
    const { metrics, samples } = makeMetrics()
    metrics.emit(closed('relayed', 'eof'))
    metrics.emit(closed('relayed', 'eof'))
    metrics.emit(closed('masked', 'masked'))
    metrics.emit({ kind: 'authenticated', connection: 1, mode: 'fake-tls', secret: 1, dc: 2 })
    metrics.emit({ kind: 'rejected', connection: 1, client: CLIENT, reason: 'replay', trials: 3 })
    metrics.emit({ kind: 'relaying', connection: 1, dc: 2, way: 'middle', waitMs: 30 })
    metrics.emit({ kind: 'relaying', connection: 2, dc: 2, way: 'ahead', waitMs: 0 })
    metrics.emit({ kind: 'dial-failed', target: 'dc', address: CLIENT, why: 'timeout' })
    metrics.emit({ kind: 'name-asked', host: 'www.example.com', result: 'failed' })
    expect(await samples()).toEqual(
      expect.arrayContaining([
        'palisade_connections_total{outcome="relayed",reason="eof"} 2',
        'palisade_connections_total{outcome="masked",reason="masked"} 1',
        'palisade_handshakes_total{mode="fake-tls",result="accepted"} 1',
        'palisade_handshakes_total{mode="unknown",result="rejected"} 1',
        'palisade_rejects_total{reason="replay"} 1',
        'palisade_trials_total 3',
        'palisade_dial_failures_total{target="dc",why="timeout"} 1',
        'palisade_way_wait_seconds_bucket{le="0.02",way="middle"} 0',
        'palisade_way_wait_seconds_bucket{le="0.05",way="middle"} 1',
        'palisade_way_wait_seconds_bucket{le="0.001",way="ahead"} 1',
        'palisade_dns_answers_total{result="failed"} 1',
      ]),
    )
  })

  it('show the level of each resource from the start on', async () => {
    const { metrics, samples } = makeMetrics()
    metrics.emit({ kind: 'overload', resource: 'memory', level: 2, reading: 0.97 })
    metrics.emit({ kind: 'overload', resource: 'descriptors', level: 1, reading: 0.9 })
    metrics.emit({ kind: 'overload', resource: 'memory', level: 1, reading: 0.8 })
    expect((await samples()).filter((line) => line.startsWith('palisade_overload_level'))).toEqual([
      'palisade_overload_level{resource="loop_lag"} 0',
      'palisade_overload_level{resource="memory"} 1',
      'palisade_overload_level{resource="descriptors"} 1',
      'palisade_overload_level{resource="buffers"} 0',
    ])
  })

  it('read what is live when they are asked, and do not add it up', async () => {
    let open = 3
    const { samples } = makeMetrics(() => ({ ...READINGS, openConnections: open }))
    const first = await samples()
    expect(first).toEqual(
      expect.arrayContaining([
        'palisade_connections 3',
        'palisade_bytes_total{direction="client_to_dc"} 1000',
        'palisade_bytes_total{direction="dc_to_client"} 2000',
        'palisade_dns_stale_names 2',
        'palisade_buffer_bytes 4096',
        'palisade_middle_links 2',
        'palisade_middle_clients 9',
        'palisade_buffer_high_water_bytes 8192',
        'palisade_buffer_slab_bytes 262144',
        'palisade_buffer_ceiling_bytes 67108864',
        'palisade_buffer_turns_waiting 5',
        'palisade_buffer_pauses_total 6',
        'palisade_buffer_evictions_total 7',
        'palisade_event_loop_lag_seconds 0.25',
        'palisade_memory_bytes{kind="rss"} 1',
        'palisade_cpu_seconds_total 7.5',
        'palisade_build_info{version="1.2.3",runtime="bun"} 1',
      ]),
    )
    open = 4
    expect(await samples()).toEqual(
      first.map((line) => (line === 'palisade_connections 3' ? 'palisade_connections 4' : line)),
    )
  })

  it('have a bounded number of series, whatever strangers send', async () => {
    const { metrics, samples } = makeMetrics()
    for (let i = 0; i < 2000; i++) {
      const client = { ip: `203.0.113.${i % 256}`, port: i }
      const reason = CLOSE_REASONS[i % CLOSE_REASONS.length]
      metrics.emit({ ...closed('relayed', 'eof'), client, connection: i, reason } as ProxyEvent)
      metrics.emit({
        kind: 'rejected',
        connection: i,
        client,
        reason: REJECT_REASONS[i % REJECT_REASONS.length],
        trials: i,
      })
      metrics.emit({ kind: 'authenticated', connection: i, mode: 'padded', secret: i, dc: i })
      metrics.emit({ kind: 'dial-failed', target: 'mask', address: client, why: 'refused' })
      metrics.emit({ kind: 'mask-unreachable', domain: `${i}.example`, why: `${i}` })
      metrics.emit({ kind: 'name-asked', host: `${i}.example`, result: 'addresses' })
      metrics.emit({ kind: 'name-state', host: `${i}.example`, state: 'stale', why: `${i}` })
    }
    const lines = await samples()
    expect(lines.length).toBeLessThan(100)
    expect(lines.join('\n')).not.toMatch(/203\.0\.113|\.example/)
  })

  it('all have the prefix, and help that ends without a full stop', async () => {
    const { metrics } = makeMetrics()
    const help = (await metrics.text()).split('\n').filter((line) => line.startsWith('# HELP'))
    expect(help.length).toBeGreaterThan(10)
    for (const line of help) expect(line).toMatch(/^# HELP palisade_[a-z_]+ .*[^.]$/)
  })
})

describe('the lag of the event loop', () => {
  it('is how much later than its time the worst tick of late came', () => {
    const lag = new LoopLag(50, 0)
    for (const now of [50, 100, 350, 400]) lag.tick(now)
    expect(lag.worstMs).toBe(200)
  })

  it('is taken as the worst since it was last taken', () => {
    const lag = new LoopLag(50, 0)
    lag.tick(250)
    lag.tick(310)
    expect([lag.takeMs(), lag.takeMs(), lag.worstMs]).toEqual([200, 0, 200])
  })

  it('is forgotten after two windows', () => {
    const lag = new LoopLag(50, 0)
    lag.tick(450)
    let now = 450
    const runTo = (end: number) => {
      while (now < end) lag.tick((now += 50))
    }
    runTo(8000)
    expect(lag.worstMs).toBe(400)
    runTo(16_000)
    expect(lag.worstMs).toBe(0)
  })
})
