import { PROXY_SECRET_MAX, PROXY_SECRET_MIN, readProxySecret } from '../../../src/core/protocol/rpc/proxy-secret.ts'
import { SeededRandom } from '../../world/random.ts'
import { must, type Target } from '../target.ts'

/** The file proxy-secret. */
export const target: Target = {
  bytesMax: 300,
  seeds: () => [32, 128, 256, 257].map((length) => new SeededRandom(length, 'secret').bytes(length)),
  run(input) {
    const result = readProxySecret(input)
    if ('fault' in result) {
      must(result.fault !== 'too-short' || input.length < PROXY_SECRET_MIN, 'long enough, and too short')
      must(result.fault !== 'too-long' || input.length > PROXY_SECRET_MAX, 'short enough, and too long')
      return result
    }
    must(input.length >= PROXY_SECRET_MIN && input.length <= PROXY_SECRET_MAX, 'a secret of a length that none has')
    must(
      Buffer.compare(result.bytes, input) === 0 && result.bytes.buffer !== input.buffer,
      'other bytes, or not its own',
    )
    must(result.selector === Buffer.from(input).readUInt32LE(0), 'another selector')
    must(/[^\t\n\r\x20-\x7e]/.test(Buffer.from(input).toString('latin1')), 'a text taken for a secret')
    return result
  },
}
