import { describe, expect, it } from 'vitest'
import { picture, type Moment } from '../../../sim/demo/picture.ts'
import { readSamples, total } from '../../../sim/demo/readings.ts'

const PAGE = `# HELP palisade_connections Connections open now
# TYPE palisade_connections gauge
palisade_connections 7
palisade_bytes_total{direction="dc_to_client"} 5e+6
palisade_bytes_total{direction="client_to_dc"} 1000
palisade_handshakes_total{mode="plain",result="accepted"} 3
palisade_rejects_total{reason="replay"} 2
palisade_rejects_total{reason="skew"} 1
palisade_connections_total{outcome="relayed",reason="eof"} 4
palisade_connections_total{outcome="masked",reason="masked"} 0
palisade_memory_bytes{kind="rss"} 9e+7
`

describe('the metrics page as the demo reads it', () => {
  it('adds up what carries a label, or everything of a name', () => {
    const samples = readSamples(PAGE)
    expect(total(samples, 'palisade_rejects_total')).toBe(3)
    expect(total(samples, 'palisade_rejects_total', 'reason="skew"')).toBe(1)
    expect(total(samples, 'palisade_connections')).toBe(7)
    expect(total(samples, 'palisade_nothing')).toBe(0)
  })
})

describe('a frame of the picture', () => {
  const moment: Moment = {
    samples: readSamples(PAGE),
    before: readSamples(PAGE.replace('5e+6', '1e+6')),
    sinceSec: 2,
    elapsedSec: 12.4,
    clients: [{ mode: 'plain', live: 2, files: 9, bad: 1 }],
    attacks: [{ name: 'replayed hello', made: 5, seen: "the site's TLS hello, 3335 bytes" }],
    runtime: 'bun',
  }
  const text = picture(moment).join('\n')

  it('shows rates, clients, strangers and why connections ended', () => {
    expect(text).toContain('12 s')
    expect(text).toContain('2.0 MB/s')
    expect(text).toMatch(/plain +2 +3 +9 good, 1 bad/)
    expect(text).toMatch(/replayed hello +5 +the site's TLS hello/)
    expect(text).toContain('5 attempts')
    expect(text).toContain('3 turned away')
    expect(text).toContain('closed: eof 4')
    expect(text).not.toContain('masked 0')
  })

  it('fits a terminal of 80 columns', () => {
    for (const line of picture(moment)) expect(line.length).toBeLessThan(80)
  })
})
