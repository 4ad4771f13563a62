import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'

const HEADER = 20
/** The cookie of every message, which also hides addresses. */
const COOKIE = [0x21, 0x12, 0xa4, 0x42]

/** A good answer to `request` that names this IPv4 address. */
export function naming(request: Uint8Array, ip: string, port: number): Uint8Array {
  const xor = (bytes: readonly number[]) => bytes.map((byte, i) => byte ^ COOKIE[i])
  const address = [...xor([port >> 8, port & 0xff]), ...xor(ip.split('.').map(Number))]
  return Uint8Array.of(1, 1, 0, 12, ...request.subarray(4, HEADER), 0, 0x20, 0, 8, 0, 1, ...address)
}

export type StunAnswer = (request: Uint8Array, sender: RemoteInfo, server: Socket) => void

export interface StunServer {
  readonly port: number
  /** As they came. */
  readonly requests: readonly Uint8Array[]
  close(): void
}

/** A STUN server on the loopback that answers like this. */
export async function serveStun(answer: StunAnswer): Promise<StunServer> {
  const server = createSocket('udp4')
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve))
  const requests: Uint8Array[] = []
  server.on('message', (request, sender) => {
    requests.push(Uint8Array.from(request))
    answer(request, sender, server)
  })
  return { port: server.address().port, requests, close: () => server.close() }
}
