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
transcript.update(fromHex(toHex(secret)) ?? '')
console.log(transcript.digest('hex'))
