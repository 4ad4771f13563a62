import { describe, expect, it } from 'vitest'
import { concat } from '../../../src/core/protocol/bytes.ts'
import { ctr } from '../../../src/core/protocol/ctr.ts'
import { RecordReader } from '../../../src/core/protocol/faketls/records.ts'
import { rawKeys } from '../../../src/core/protocol/obfuscated2.ts'
import { helloOf, initOf, insideTls, scene, type Peer } from './scene.ts'

const SLOW = { windowBytes: 3_000, segmentBytes: 700, isChoppy: true, stallMs: 30 }

/** What a DC reads behind the init it was sent. */
function readByDc(dc: Peer): Uint8Array {
  const { received } = dc
  const { up } = rawKeys(received.subarray(0, 64))
  return Uint8Array.from(ctr(up, 64).update(received.slice(64)))
}

/** A relay over slow links, through which both sides have much to say. */
function relaying(isTls: boolean, seed = 1) {
  const it = scene({ seed, plan: SLOW })
  const init = initOf(it, 2, isTls)
  const client = it.dial(isTls ? helloOf(it) : init.wire)
  it.world.runFor(2_000)
  const answerBytes = client.receivedBytes
  const wrap = (bytes: Uint8Array) => (isTls ? insideTls(concat(init.wire, init.seal(bytes))) : init.seal(bytes))
  const ask = (bytes: Uint8Array) => client.send(wrap(bytes))
  const heard = () => {
    const bytes = client.received.slice(answerBytes)
    return isTls ? (new RecordReader({ isClient: true }).push(bytes) ?? new Uint8Array(0)) : bytes
  }
  return { ...it, client, ask, heard }
}

describe.each([
  ['plain', false],
  ['inside TLS', true],
])('ends of a relay, %s', (_mode, isTls) => {
  it('passes the FIN of the client on behind its last byte, and the DC may go on', () => {
    const { world, client, ask, heard, dcs, reasons, random, proxy } = relaying(isTls)
    const [question, answer] = [random.bytes(40_000), random.bytes(50_000)]
    ask(question)
    client.end()
    world.until(() => dcs[0]?.events.length === 1, 600_000)
    expect([dcs[0].events, readByDc(dcs[0])]).toEqual([['end'], question])
    expect(reasons('closed')).toEqual([])
    dcs[0].send(answer)
    dcs[0].end()
    world.runFor(600_000)
    expect([heard(), client.events[0], reasons('closed')]).toEqual([answer, 'end', ['eof']])
    expect([proxy.pool.leases, proxy.open, proxy.wheel.armed]).toEqual([0, 0, 0])
  })

  it('passes the FIN of the DC on behind its last byte, and the client may go on', () => {
    const { world, client, ask, heard, dcs, reasons, random, proxy } = relaying(isTls)
    const [question, answer] = [random.bytes(40_000), random.bytes(50_000)]
    ask(new Uint8Array(0))
    world.runFor(2_000)
    dcs[0].send(answer)
    dcs[0].end()
    world.until(() => client.events.length === 1, 600_000)
    expect([client.events, heard(), reasons('closed')]).toEqual([['end'], answer, []])
    if (!isTls) {
      ask(question)
      world.runFor(60_000)
      expect(readByDc(dcs[0])).toEqual(question)
    }
    client.end()
    world.runFor(600_000)
    expect([dcs[0].events[0], reasons('closed')]).toEqual(['end', ['eof']])
    expect([proxy.pool.leases, proxy.open]).toEqual([0, 0])
  })

  it('flushes both ways when both end at once', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { world, client, ask, heard, dcs, reasons, random } = relaying(isTls, seed)
      const [question, answer] = [random.bytes(30_000), random.bytes(30_000)]
      ask(question)
      client.end()
      world.until(() => dcs.length === 1, 60_000)
      dcs[0].send(answer)
      dcs[0].end()
      world.runFor(600_000)
      expect([heard(), readByDc(dcs[0]), reasons('closed')]).toEqual([answer, question, ['eof']])
    }
  })

  it('says so when the client resets, and lets go of the DC', () => {
    const { world, client, ask, dcs, reasons, proxy } = relaying(isTls)
    ask(new Uint8Array(10_000))
    world.runFor(2_000)
    client.connection.reset()
    world.runFor(60_000)
    expect([reasons('closed'), dcs[0].events.length > 0]).toEqual([['client-reset'], true])
    expect([proxy.pool.leases, proxy.open]).toEqual([0, 0])
  })

  it('ends in order when the DC resets and nothing waits', () => {
    const { world, client, ask, dcs, reasons } = relaying(isTls)
    ask(new Uint8Array(0))
    world.runFor(2_000)
    dcs[0].connection.reset()
    world.runFor(60_000)
    expect([reasons('closed'), client.events[0]]).toEqual([['dc-reset'], 'end'])
  })
})

describe('ends of a masked connection', () => {
  const GARBAGE = new Uint8Array(30_000).fill(3)

  it('passes FINs on behind the last byte, both ways', () => {
    const { world, dial, sites, reasons, random, proxy } = scene({ plan: SLOW })
    const client = dial(GARBAGE)
    world.runFor(20)
    client.end()
    world.until(() => sites[0]?.events.length === 1, 600_000)
    expect([sites[0].events, sites[0].received]).toEqual([['end'], GARBAGE])
    const page = random.bytes(50_000)
    sites[0].send(page)
    sites[0].end()
    world.runFor(600_000)
    expect([client.received, client.events[0], reasons('closed')]).toEqual([page, 'end', ['masked']])
    expect([proxy.pool.leases, proxy.open]).toEqual([0, 0])
  })

  it('lets the client go on behind the FIN of the site', () => {
    const { world, dial, sites, reasons } = scene({ plan: SLOW, onSite: (site) => site.end() })
    const client = dial(GARBAGE)
    world.runFor(60_000)
    expect([client.events, sites[0].received]).toEqual([['end'], GARBAGE])
    client.send(GARBAGE)
    client.end()
    world.runFor(60_000)
    expect([sites[0].receivedBytes, sites[0].events[0], reasons('closed')]).toEqual([60_000, 'end', ['masked']])
  })

  it.each(['site', 'client'] as const)('shows a reset of the %s to the other side', (who) => {
    const { world, dial, sites, reasons } = scene()
    const client = dial(GARBAGE)
    world.runFor(1_000)
    const [from, to] = who === 'site' ? [sites[0], client] : [client, sites[0]]
    from.connection.reset()
    world.runFor(1_000)
    expect([to.events, reasons('closed')]).toEqual([['reset'], ['masked']])
  })
})

describe('a client that ends early', () => {
  it.each([0, 1, 63])('is masked with its %i bytes and its FIN', (length) => {
    const { world, dial, sites, reasons } = scene()
    const client = dial(new Uint8Array(length).fill(3))
    client.onData = () => {}
    world.runFor(1_000)
    client.end()
    world.runFor(1_000)
    expect([reasons('rejected'), sites[0].receivedBytes, sites[0].events]).toEqual([['client-ended'], length, ['end']])
  })

  it('is let go behind our answer', () => {
    const it = scene()
    const client = it.dial(helloOf(it))
    it.world.runFor(1_000)
    client.end()
    it.world.runFor(1_000)
    expect([it.reasons('closed'), it.reasons('rejected'), client.events[0]]).toEqual([['eof'], [], 'end'])
  })
})
