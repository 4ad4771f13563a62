import { createSocket, type RemoteInfo } from 'node:dgram'
import { createServer, type Socket } from 'node:net'
import type { Address } from '../../src/core/ports.ts'

/** A DNS server on loopback that answers as a test says. Messages are written by hand, by RFC 1035, section 4. */

const [A, CNAME, AAAA] = [1, 5, 28]
const TYPES = { [A]: 'A', [AAAA]: 'AAAA' } as const

export interface Asked {
  readonly id: number
  readonly host: string
  readonly type: 'A' | 'AAAA'
  /** As it came, from the name to the class. */
  readonly question: Buffer
}

/** What an answer says: every field has a good default. */
export interface Says {
  readonly a?: readonly string[]
  /** 32 hex digits each. */
  readonly aaaa?: readonly string[]
  readonly ttl?: number
  /** Aliases on the way from the name asked for, in order; records stand in the opposite order. */
  readonly aliases?: readonly { readonly name: string; readonly ttl: number }[]
  readonly rcode?: number
  readonly isTruncated?: boolean
  readonly isQuery?: boolean
  readonly idXor?: number
  /** In place of the question that was put. */
  readonly question?: Buffer
  /** Owner of the records in place of the last alias. */
  readonly owner?: string
}

export function readQuestion(message: Buffer): Asked {
  const end = message.indexOf(0, 12) + 1
  const labels: string[] = []
  for (let at = 12; message[at] > 0; at += message[at] + 1)
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]))
  const type = TYPES[message.readUInt16BE(end)]
  return { id: message.readUInt16BE(0), host: labels.join('.'), type, question: message.subarray(12, end + 4) }
}

export function writeAnswer(asked: Asked, says: Says): Buffer {
  const { ttl = 300, aliases = [], rcode = 0, isTruncated = false, isQuery = false, idXor = 0 } = says
  const data =
    asked.type === 'A'
      ? (says.a ?? []).map((ip) => Buffer.from(ip.split('.').map(Number)))
      : (says.aaaa ?? []).map(fromHex)
  const owners = [asked.host, ...aliases.map(({ name }) => name)]
  const addresses = data.map((bytes) => record(says.owner ?? owners.at(-1)!, asked.type === 'A' ? A : AAAA, ttl, bytes))
  const records = [
    ...addresses,
    ...aliases.map(({ name, ttl: own }, i) => record(owners[i], CNAME, own, writeName(name))).reverse(),
  ]
  const header = Buffer.alloc(12)
  header.writeUInt16BE(asked.id ^ idXor, 0)
  header.writeUInt16BE((isQuery ? 0x0100 : 0x8180) | (isTruncated ? 0x0200 : 0) | rcode, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, says.question ?? asked.question, ...records])
}

export function writeName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')]))
  return Buffer.concat([...labels, Buffer.of(0)])
}

function record(owner: string, type: number, ttl: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt32BE(ttl, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([writeName(owner), fixed, data])
}

function fromHex(text: string): Buffer {
  return Buffer.from(text, 'hex')
}

export interface LocalDns {
  readonly address: Address
  /** Everything asked for, by either way. */
  readonly asked: readonly (Asked & { readonly by: 'udp' | 'tcp'; readonly fromPort: number })[]
  /** Harmless when called again. */
  close(): void
}

/** `udp` and `tcp` give the messages to send, none for silence; by TCP they are sent as they are, length included. */
export async function serveDns(
  udp: (asked: Asked, count: number) => readonly Buffer[],
  tcp: (asked: Asked) => Buffer | undefined = () => undefined,
): Promise<LocalDns> {
  const asked: LocalDns['asked'][number][] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      const question = readQuestion(chunk.subarray(2))
      asked.push({ ...question, by: 'tcp', fromPort: socket.remotePort ?? 0 })
      const bytes = tcp(question)
      if (bytes !== undefined) socket.write(bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const socket = createSocket('udp4')
  socket.on('message', (message: Buffer, from: RemoteInfo) => {
    const question = readQuestion(message)
    asked.push({ ...question, by: 'udp', fromPort: from.port })
    for (const bytes of udp(question, asked.length)) socket.send(bytes, from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve))
  let isClosed = false
  return {
    address: { ip: '127.0.0.1', port },
    asked,
    close() {
      if (isClosed) return
      isClosed = true
      socket.close()
      server.close()
      for (const one of sockets) one.destroy()
    },
  }
}
