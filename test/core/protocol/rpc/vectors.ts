import type { LinkSecrets, ProxyReq, RpcPacket } from '../../../../src/core/protocol/rpc/index.ts'
import { endpointOf, RpcWriter } from '../../../../src/core/protocol/rpc/index.ts'
import { concat, read32le } from '../../../../src/core/protocol/bytes.ts'
import { hex, vectors } from '../arbitrary.ts'

export const vector = vectors.middle_proxy

export const CONNECTION = 0x1122334455667788n
export const PROXY_PID = { ip: 0xcb007107, port: 54321, pid: 1234, startedSec: 1760000000 }
export const MIDDLE_PID = { ip: 0x959aa190, port: 8888, pid: 0x1092, startedSec: 0x68e7779c }
export const WALL_SEC = 1760000000
export const SECRET = hex(vector.proxy_secret)
export const SELECTOR = read32le(SECRET, 0)

/** A frame's payload, without what is around it. */
export const payloadOf = (frame: string) => hex(frame).subarray(8, -4)

type Ends = { server_ip: string; server_port: number; client_ip: string; client_port: number }

export function secretsFor(ends: Ends): LinkSecrets {
  return {
    secret: SECRET,
    middleNonce: hex(vector.server_nonce),
    proxyNonce: hex(vector.client_nonce),
    proxyWallSec: vector.client_ts,
    middle: { ip: ends.server_ip, port: ends.server_port },
    proxy: { ip: ends.client_ip, port: ends.client_port },
  }
}

/** The message that the vectors' requests carry. */
const MESSAGE = hex(vector.proxy_req_payload_without_tag).subarray(56)

export const REQUEST: ProxyReq = {
  kind: 'proxy-req',
  connection: CONNECTION,
  client: endpointOf({ ip: '198.51.100.23', port: 49650 }),
  own: endpointOf({ ip: '203.0.113.7', port: 443 }),
  framing: 'intermediate',
  quickAck: false,
  tag: hex('0123456789abcdef0123456789abcdef'),
  message: MESSAGE,
}

export const ANSWER: RpcPacket = {
  kind: 'proxy-ans',
  flags: 0,
  connection: CONNECTION,
  message: hex(vector.proxy_ans_payload).subarray(16),
}

export const NONCES = {
  proxy: { kind: 'nonce', selector: SELECTOR, schema: 1, wallSec: WALL_SEC, nonce: hex(vector.client_nonce) },
  middle: { kind: 'nonce', selector: SELECTOR, schema: 1, wallSec: WALL_SEC + 1, nonce: hex(vector.server_nonce) },
} as const

/** The two frames of the handshake and `packets`, as the proxy sends them: one write, one batch each. */
export function proxyWire(key: Parameters<RpcWriter['encipherFromHere']>[0], packets: readonly RpcPacket[]) {
  const writer = new RpcWriter()
  const nonce = writer.write(NONCES.proxy)
  writer.encipherFromHere(key)
  return concat(nonce, ...packets.map((packet) => writer.write(packet)))
}
