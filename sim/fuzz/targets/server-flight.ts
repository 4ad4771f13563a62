import { concat } from '../../../src/core/protocol/bytes.ts'
import { readClientHello } from '../../../src/core/protocol/faketls/client-hello.ts'
import { makeClientHello } from '../../../src/core/protocol/faketls/make-hello.ts'
import { makeAnswer, readServerFlight } from '../../../src/core/protocol/faketls/server-hello.ts'
import { SeededRandom } from '../../world/random.ts'
import { cutsOf } from '../cuts.ts'
import { must, mustBeSame, type Target } from '../target.ts'
import { bytesIn, vectors } from './vectors.ts'

/** What a mask site answers, as the probe of its looks reads it. */
export const target: Target = {
  bytesMax: 1024,
  seeds: () => [answer(0x2b), answer(0x33), ...bytesIn(vectors.fake_tls, 1024)],
  run(input) {
    const result = readServerFlight(input)
    for (const end of cutsOf(input).slice(-8)) {
      const part = readServerFlight(input.subarray(0, end))
      // A flight has no end mark: a start of it is a shorter one, which may still turn out bad.
      if (part.state === 'bad') must(result.state === 'bad', 'what was bad became good')
      if (part.state !== 'flight' || result.state !== 'flight') continue
      mustBeSame(result.recordBytes.slice(0, part.recordBytes.length), part.recordBytes, 'records of a start')
      mustBeSame(
        [part.cipherSuite, part.extensionOrder, part.group, part.isRetryRequest, part.isTls13],
        [result.cipherSuite, result.extensionOrder, result.group, result.isRetryRequest, result.isTls13],
        'the hello of a start',
      )
    }
    if (result.state !== 'flight') return result.state
    must(result.recordBytes.reduce((sum, bytes) => sum + 5 + bytes, 5) <= input.length, 'more records than bytes')
    must(result.extensionOrder.length * 4 <= input.length, 'more extensions than bytes')
    if (!result.isTls13) return result
    const whole = readServerFlight(concat(input, Uint8Array.of(0x17)))
    must(result.isMidRecord || (whole.state === 'flight' && whole.isMidRecord), 'a record that has begun is not told')
    return result
  },
}

function answer(first: number): Uint8Array {
  const random = new SeededRandom(2, 'flight')
  const hello = readClientHello(makeClientHello({ random, domain: 'a.example' }).record)
  must(hello.state === 'hello', 'our own hello')
  return makeAnswer({
    hello: hello.hello,
    share: random.bytes(32),
    shape: { cipherSuite: undefined, extensionOrder: [first], recordBytes: 64 },
    random,
  })
}
