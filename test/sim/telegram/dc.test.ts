import { createHash } from 'node:crypto'
import { gzipSync, unzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Framing } from '../../../src/core/protocol/obfuscated2.ts'
import { MtprotoLink, type MtprotoClientOptions, type Result } from '../../../sim/actors/mtproto-client.ts'
import { SimulatedDc } from '../../../sim/telegram/dc.ts'
import { fileBytes, fileSha256 } from '../../../sim/telegram/files.ts'
import { TlReader, TlWriter } from '../../../sim/telegram/tl.ts'
import type { LinkPlan } from '../../../sim/world/connection.ts'
import { VirtualNetwork } from '../../../sim/world/network.ts'
import { World } from '../../../sim/world/world.ts'

const FRAMINGS = ['abridged', 'intermediate', 'padded'] as const
const PLAN: LinkPlan = {
  latencyMs: 3,
  windowBytes: 20_000,
  segmentBytes: 900,
  isChoppy: true,
  stallMs: 30,
  isStingy: true,
}

function scene(seed = 1) {
  const world = new World(seed)
  const network = new VirtualNetwork(world)
  network.plan = () => PLAN
  const unpack = (packed: Uint8Array, maxOutputLength: number) => {
    try {
      return unzipSync(packed, { maxOutputLength })
    } catch {
      return undefined
    }
  }
  const dc = new SimulatedDc({ clock: world.clock, random: world.random('dc'), unpack })
  network.host('10.0.0.1').listen(443, dc.accept)
  const trouble: string[] = []
  const connect = (framing: Framing, options: Partial<MtprotoClientOptions> = {}) => {
    let link: MtprotoLink | undefined
    const own = { clock: world.clock, random: world.random('client'), framing, dc: 2, key: dc.key, ...options }
    network.host('10.0.0.2').dial(
      { ip: '10.0.0.1', port: 443 },
      {
        onOpen(connection) {
          link = new MtprotoLink(connection, own)
          link.client.onTrouble = (why) => trouble.push(why)
          link.onOver = (how) => trouble.push(how)
          return link
        },
        onFail: (why) => trouble.push(why),
      },
    )
    world.until(() => link !== undefined, 10_000)
    if (link === undefined) throw new Error('the dial failed')
    return link
  }
  /** Runs the world until the answer is there. */
  const answer = <T>(ask: (reply: (result: Result<T>) => void) => void): T => {
    let result: Result<T> | undefined
    ask((answered) => (result = answered))
    world.until(() => result !== undefined, 600_000)
    if (result?.kind !== 'ok') throw new Error(result?.why ?? `no answer: ${trouble.join()}`)
    return result.value
  }
  const connectWithKey = (framing: Framing = 'padded', options: Partial<MtprotoClientOptions> = {}) => {
    const link = connect(framing, options)
    answer((reply) => link.client.exchangeKey(reply))
    return link
  }
  return { world, dc, trouble, connect, connectWithKey, answer }
}

describe.each(FRAMINGS)('the simulated DC over %s framing', (framing) => {
  it.each([true, false])('agrees on a key, pings and gives a file, init alone: %s', (isInitAlone) => {
    const { dc, trouble, connect, answer } = scene()
    const { client } = connect(framing, { isInitAlone })
    answer((reply) => client.exchangeKey(reply))
    expect(answer<bigint>((reply) => client.ping(77n, reply))).toBe(77n)
    const file = { id: 5n, size: 70_001 }
    const parts = [0, 32_768, 65_536].map((offset) =>
      answer<Uint8Array>((reply) => client.getFile({ ...file, offset, limit: 32_768 }, reply)),
    )
    expect(parts.map((part) => part.length)).toEqual([32_768, 32_768, 4465])
    expect(createHash('sha256').update(Buffer.concat(parts)).digest('hex')).toBe(fileSha256(5n, 70_001))
    expect([dc.counters.keys, dc.counters.answered, trouble]).toEqual([1, 1, []])
  })

  it('answers both questions of a proxy ping', () => {
    const { world, dc, trouble, connect } = scene()
    const { client } = connect(framing)
    let answers = 0
    client.requestPq(() => answers++)
    client.requestPq(() => answers++)
    world.until(() => answers === 2, 10_000)
    expect([answers, dc.counters.answered, trouble]).toEqual([2, 2, []])
  })

  it('says that it does not know a key, in four bytes', () => {
    const other = scene(2)
    const stranger = other.connectWithKey(framing).client.agreed
    const { world, connect, trouble } = scene()
    connect(framing, { agreed: stranger }).client.ping(1n, () => {})
    world.until(() => trouble.length > 0, 10_000)
    expect(trouble).toEqual(['error -404'])
  })

  it('confirms quickly what asks for it, with the token that the client can compute', () => {
    const { dc, connectWithKey, answer } = scene()
    const { client } = connectWithKey(framing)
    const tokens: number[] = []
    client.onQuickAck = (token) => tokens.push(token)
    answer<Uint8Array>((reply) => client.call(NEAREST_DC, reply, { quickAck: true }))
    expect(tokens).toHaveLength(1)
    expect(tokens[0]).toBeGreaterThanOrEqual(2 ** 31)
    expect(dc.counters.quickAcks).toBe(1)
  })
})

const NEAREST_DC = new TlWriter().u32(0x1fb33026).done()
const NEAREST_DC_ANSWER = 0x8e1a1775

describe('the simulated DC', () => {
  it('knows the key of an earlier connection', () => {
    const { trouble, connect, connectWithKey, answer } = scene()
    const { agreed } = connectWithKey().client
    expect(answer<bigint>((reply) => connect('abridged', { agreed }).client.ping(3n, reply))).toBe(3n)
    expect(trouble).toEqual([])
  })

  it('runs queries in their wrappers, with proxy and JSON parameters, and packed', () => {
    const { connectWithKey, answer } = scene()
    const { client } = connectWithKey('padded', { dc: -10_003 })
    const wrapper = new TlWriter().u32(0xda9b0d0d).u32(200).u32(0xc1cd5ea9).u32(3).u32(1)
    for (let i = 0; i < 6; i++) wrapper.text('x'.repeat(i))
    wrapper.u32(0x75588b3f).text('proxy.example').u32(443)
    wrapper.u32(0x99c1d49d).u32(0x1cb5c415).u32(1).u32(0xc0de1bd9).text('tz_offset').u32(0x2be0dfa4).u64(5n)
    const query = wrapper.raw(NEAREST_DC).done()
    const packed = new TlWriter().u32(0x3072cfa1).bytes(gzipSync(query)).done()
    for (const body of [query, packed]) {
      const reader = new TlReader(answer<Uint8Array>((reply) => client.call(body, reply)))
      expect([reader.u32(), Buffer.from(reader.bytes()).toString(), reader.u32()]).toEqual([NEAREST_DC_ANSWER, 'NL', 3])
    }
  })

  it('answers what it does not know, or cannot unpack, with an error', () => {
    const { connectWithKey, answer } = scene()
    const { client } = connectWithKey()
    const ask = (body: Uint8Array) => () => answer<Uint8Array>((reply) => client.call(body, reply))
    expect(ask(new TlWriter().u32(0x12345678).done())).toThrow('rpc error 400')
    expect(
      ask(
        new TlWriter()
          .u32(0x3072cfa1)
          .bytes(Uint8Array.of(1, 2, 3))
          .done(),
      ),
    ).toThrow('rpc error 400')
    expect(() => answer<Uint8Array>((r) => client.getFile({ id: 1n, offset: 0, limit: (1 << 20) + 1 }, r))).toThrow(
      '400',
    )
  })

  it('takes containers and answers each message in them', () => {
    const { connectWithKey, answer } = scene()
    const { client } = connectWithKey()
    const ping = new TlWriter().u32(0x7abe77ec).u64(9n).done()
    const salts = new TlWriter().u32(0xb921bd04).u32(64).done()
    const ack = new TlWriter().u32(0x62d6b459).u32(0x1cb5c415).u32(0).done()
    const container = new TlWriter().u32(0x73f1f8dc).u32(3)
    const id = 1n
    for (const body of [ack, salts, ping]) container.u64(id).u32(1).u32(body.length).raw(body)
    const troubled: string[] = []
    client.onTrouble = (why) => troubled.push(why)
    client.call(container.done(), () => {})
    answer<bigint>((reply) => client.ping(2n, reply))
    // The ping inside has an id of its own, which the client did not note; the salts it takes; an ack has no answer.
    expect(troubled).toEqual(['an answer to no question'])
  })

  it('keeps a digest of what is uploaded', () => {
    const { world, dc, connectWithKey, answer } = scene()
    const { client } = connectWithKey()
    const content = world.random('upload').bytes(100_000)
    const result = answer<Uint8Array>((reply) => client.saveFilePart({ id: 8n, part: 3, content }, reply))
    expect(new TlReader(result).u32()).toBe(0x997275b5)
    const sha256 = createHash('sha256').update(content).digest('hex')
    expect(dc.uploads.parts).toEqual([{ fileId: 8n, part: 3, bytes: 100_000, sha256 }])
  })

  it('gives much over a slow link and loses none of it', () => {
    const { world, connectWithKey, trouble } = scene()
    const { client } = connectWithKey()
    const got: number[] = []
    for (let i = 0; i < 6; i++) {
      client.getFile({ id: 1n, offset: i << 20, limit: 1 << 20 }, (result) => {
        if (result.kind === 'ok') got.push(result.value.length)
      })
    }
    world.until(() => got.length === 6, 3_600_000)
    expect([got.length, new Set(got), trouble]).toEqual([6, new Set([1 << 20]), []])
  })

  it('resets who opens with what is no init', () => {
    const world = new World(1)
    const network = new VirtualNetwork(world)
    const dc = new SimulatedDc({ clock: world.clock, random: world.random('dc') })
    network.host('10.0.0.1').listen(443, dc.accept)
    const heard: string[] = []
    network.host('10.0.0.2').dial(
      { ip: '10.0.0.1', port: 443 },
      {
        onOpen(connection) {
          connection.write(world.random('garbage').bytes(64))
          return { onData() {}, onDrain() {}, onEnd() {}, onClose: (how) => heard.push(how) }
        },
        onFail: (why) => heard.push(why),
      },
    )
    world.runFor(1000)
    expect(heard).toEqual(['reset'])
  })

  it('ends behind what it has to say when the client ends', () => {
    const { world, connectWithKey, trouble } = scene()
    const link = connectWithKey()
    let got = 0
    link.client.getFile({ id: 1n, offset: 0, limit: 300_000 }, (result) => {
      got = result.kind === 'ok' ? result.value.length : -1
    })
    link.end()
    world.runFor(600_000)
    expect([got, trouble]).toEqual([300_000, ['end']])
  })
})

describe('files', () => {
  it('have one content, however it is cut', () => {
    const whole = fileBytes(3n, 0, 1000)
    const parts = [0, 1, 17, 500].map((from, i, all) => fileBytes(3n, from, (all[i + 1] ?? 1000) - from))
    expect(Buffer.concat(parts)).toEqual(Buffer.from(whole))
    expect(fileBytes(4n, 0, 16)).not.toEqual(whole.subarray(0, 16))
    expect(fileSha256(3n, 1000)).toBe(createHash('sha256').update(whole).digest('hex'))
  })
})
