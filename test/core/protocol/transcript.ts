import { createHash, createHmac } from 'node:crypto'
import { ctr } from '../../../src/core/protocol/ctr.ts'
import { fromHex, toHex } from '../../../src/core/protocol/bytes.ts'
import { readClientHello, readStamp } from '../../../src/core/protocol/faketls/client-hello.ts'
import { makeClientHello } from '../../../src/core/protocol/faketls/make-hello.ts'
import { RecordReader, wrapRecords, wrappedLength } from '../../../src/core/protocol/faketls/records.ts'
import { makeAnswer, readServerFlight } from '../../../src/core/protocol/faketls/server-hello.ts'
import { FRAMINGS } from '../../../src/core/protocol/framing/index.ts'
import {
  INIT_LENGTH,
  decryptInit,
  makeInit,
  rawKeys,
  readInit,
  withSecret,
} from '../../../src/core/protocol/obfuscated2.ts'
import { endpointOf, linkKeys, RpcReader, RpcWriter } from '../../../src/core/protocol/rpc/index.ts'
import { x25519Public } from '../../../src/core/protocol/x25519.ts'
import type { Random } from '../../../src/core/ports.ts'

/**
 * Plays handshakes of both sides over every codec and prints one hash over all bytes that came about. Runs by itself, so
 * that one runtime's answer can be compared with the other's.
 */
let state = 1
const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 12
const random: Random = {
  fill(target) {
    for (let i = 0; i < target.length; i++) target[i] = draw()
    return target
  },
  below: (limit) => draw() % limit,
}
const transcript = createHash('sha256')
const secret = random.fill(new Uint8Array(16))

for (let round = 0; round < 40; round++) {
  const privateKey = random.fill(new Uint8Array(32))
  const made = makeClientHello({ random, domain: 'example.com', secret, stamp: draw(), privateKey })
  const read = readClientHello(made.record)
  if (read.state !== 'hello') throw new Error(read.state)
  const stamp = readStamp(createHmac('sha256', secret).update(read.hello.record).digest(), read.hello.random)
  const shape = { cipherSuite: 0x1302, extensionOrder: [0x2b, 0x33], recordBytes: 64 + random.below(3000) }
  const answer = makeAnswer({ hello: read.hello, share: x25519Public(privateKey), shape, random })
  transcript
    .update(made.record)
    .update(answer)
    .update(JSON.stringify([stamp, readServerFlight(answer), read.hello.sni]))

  for (const framing of ['abridged', 'intermediate', 'padded'] as const) {
    const client = makeInit({ random, framing, dc: random.below(20) - 10, secret })
    const raw = rawKeys(client.wire)
    const up = withSecret(raw.up, secret)
    const toDc = makeInit({ random, framing, dc: 2, downlink: withSecret(raw.down, secret) })
    const payload = random.fill(new Uint8Array(4 * (1 + random.below(9000))))
    const frame = FRAMINGS[framing].writePacket(payload, { side: 'client', random, quickAck: round % 2 === 0 })
    const wire = ctr(client.up, INIT_LENGTH).update(frame)
    const records = new Uint8Array(wrappedLength(wire.length))
    wrapRecords(wire, records)
    const unwrapped = new RecordReader({ isClient: true }).push(records) ?? new Uint8Array(0)
    FRAMINGS[framing].reader().push(ctr(up, INIT_LENGTH).update(unwrapped), (got) => {
      transcript.update(got.kind === 'packet' ? got.payload : String(got.token))
    })
    transcript
      .update(client.wire)
      .update(toDc.wire)
      .update(JSON.stringify(readInit(decryptInit(client.wire, up))))
  }
}
const link = linkKeys({
  secret: random.fill(new Uint8Array(128)),
  middleNonce: secret,
  proxyNonce: random.fill(new Uint8Array(16)),
  proxyWallSec: draw(),
  middle: { ip: '2001:db8::1', port: 8888 },
  proxy: { ip: '2001:db8::2', port: 5000 },
})
const [writer, reader] = [new RpcWriter(), new RpcReader()]
const own = endpointOf({ ip: '192.0.2.1', port: 443 })
const pid = { ip: 0, port: 1, pid: 2, startedSec: 3 }
const nonce = writer.write({ kind: 'nonce', selector: 1, schema: 1, wallSec: draw(), nonce: secret })
reader.push(nonce, () => reader.decipherFromHere(link.toMiddle))
writer.encipherFromHere(link.toMiddle)
reader.push(writer.write({ kind: 'handshake', flags: 0, sender: pid, peer: pid }), () => {})
for (let round = 0; round < 20; round++) {
  const message = random.fill(new Uint8Array(4 * (1 + random.below(9000))))
  const request = { connection: BigInt(draw()), client: own, own, framing: 'padded', quickAck: false, message } as const
  const wire = writer.write({ kind: 'proxy-req', ...request }, { kind: 'ping', id: BigInt(draw()) })
  transcript.update(wire)
  // Pieces that end within a block: how much a cipher keeps back must not differ either.
  for (let at = 0; at < wire.length; at += 1009) {
    reader.push(wire.subarray(at, at + 1009), (payload) => transcript.update(payload))
    transcript.update(String(reader.isBetweenFrames))
  }
}
transcript.update(fromHex(toHex(secret)) ?? '')
console.log(transcript.digest('hex'))
