import { describe, expect, it } from 'vitest'
import type { Connection, Handler } from '../../../src/core/ports.ts'
import { concat, fromAscii, toAscii } from '../../../src/core/protocol/bytes.ts'
import { makeClientHello } from '../../../src/core/protocol/faketls/make-hello.ts'
import { readServerFlight } from '../../../src/core/protocol/faketls/server-hello.ts'
import { MaskSite } from '../../../sim/telegram/mask-site.ts'
import { VirtualNetwork } from '../../../sim/world/network.ts'
import { World } from '../../../sim/world/world.ts'

class Prober implements Handler {
  readonly heard: string[] = []
  bytes: Uint8Array = new Uint8Array(0)
  connection!: Connection
  onData(chunk: Uint8Array): void {
    this.bytes = concat(this.bytes, chunk)
  }
  onDrain(): void {}
  onEnd(): void {
    this.heard.push('end')
  }
  onClose(kind: string): void {
    this.heard.push(kind)
  }
}

function scene(seed = 1, isChoppy = false, options: Partial<MaskSite['options']> = {}) {
  const world = new World(seed)
  const network = new VirtualNetwork(world)
  network.plan = () => ({ latencyMs: 5, windowBytes: 65_536, segmentBytes: 4000, isChoppy, stallMs: 0 })
  const site = new MaskSite({ name: 'www.example.com', after: world.after, ...options })
  network.host('10.0.0.3').listen(443, site.accept)
  const probe = (words: Uint8Array) => {
    const prober = new Prober()
    network.host('10.0.0.2').dial(
      { ip: '10.0.0.3', port: 443 },
      {
        onOpen(connection) {
          prober.connection = connection
          connection.write(words)
          return prober
        },
        onFail: (why) => prober.heard.push(why),
      },
    )
    world.runFor(1000)
    return prober
  }
  return { world, site, probe }
}

const HELLO = makeClientHello({ random: new World(5).random('hello'), domain: 'www.example.com' }).record
const CCS = Uint8Array.of(0x14, 3, 3, 0, 1, 1)
const FINISHED = concat(Uint8Array.of(0x17, 3, 3, 0, 53), new Uint8Array(53))
const GET = fromAscii('GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n')

describe('the simulated mask site', () => {
  it('answers a hello with a flight that reads as a real one', () => {
    const { probe } = scene()
    const { bytes, heard } = probe(HELLO)
    expect(readServerFlight(bytes)).toMatchObject({
      state: 'flight',
      isTls13: true,
      isRetryRequest: false,
      cipherSuite: 0x1302,
      extensionOrder: [0x2b, 0x33],
      group: 0x1d,
      recordBytes: [42, 2790, 281, 69],
      isMidRecord: false,
    })
    expect(heard).toEqual([])
  })

  it.each([
    ['a hello', HELLO],
    ['a hello and what follows it', concat(HELLO, CCS, FINISHED, FINISHED)],
    ['HTTP', GET],
    ['a hello that makes no sense', concat(Uint8Array.of(0x16, 3, 1, 0, 4), new Uint8Array(4))],
  ])('says the same, in any cut, to %s', (_what, words) => {
    const answers = [1, 2, 3].map((seed) => scene(seed, seed > 1).probe(words))
    expect(answers[0].bytes.length).toBeGreaterThan(6)
    for (const { bytes, heard } of answers) expect([bytes, heard]).toEqual([answers[0].bytes, answers[0].heard])
  })

  it('says something else when the hello or the site is another', () => {
    const other = HELLO.slice()
    other[20] ^= 1
    const { bytes } = scene().probe(HELLO)
    expect(scene().probe(other).bytes).not.toEqual(bytes)
    expect(scene(1, false, { name: 'www.example.org' }).probe(HELLO).bytes).not.toEqual(bytes)
  })

  it("gives a page for each record behind the client's finished, and an alert for what is no record", () => {
    const { world, probe } = scene()
    const prober = probe(concat(HELLO, CCS, FINISHED))
    const flight = prober.bytes.length
    prober.connection.write(concat(FINISHED, FINISHED))
    world.runFor(100)
    expect(prober.bytes.length - flight).toBe(2 * (5 + 1460))
    prober.connection.write(fromAscii('no record'))
    world.runFor(100)
    expect(prober.bytes.length - flight).toBe(2 * (5 + 1460) + 5 + 19)
    expect(prober.heard).toEqual(['end'])
  })

  it('tells HTTP apart as nginx does, and reads on behind its last words', () => {
    const { world, probe } = scene()
    const prober = probe(GET)
    expect(toAscii(prober.bytes)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    for (let i = 0; i < 20; i++) {
      prober.connection.write(new Uint8Array(10_000))
      world.runFor(50)
    }
    expect(prober.heard).toEqual(['end'])
    prober.connection.end()
    world.runFor(100)
    expect(prober.heard).toEqual(['end', 'end'])
  })

  it('gives up on silence after its time, without a word', () => {
    const { world, probe } = scene()
    const prober = probe(new Uint8Array(0))
    world.runFor(58_000)
    expect(prober.heard).toEqual([])
    world.runFor(2_000)
    expect([prober.heard, prober.bytes.length]).toEqual([['end'], 0])
  })
})
