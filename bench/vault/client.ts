import { connect, type Socket } from 'node:net'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import type { User } from './proxy.ts'

const random = new SystemRandom()
const HANDSHAKE_RECORD = 0x16
/** A network of sources, each with one connection at a time. */
const SOURCES = 1 << 16

let clients = 0

/** A hello of that user that was never said before. */
export function makeHello({ domain, secret }: User): Uint8Array {
  const stamp = Math.floor(Date.now() / 1000)
  return makeClientHello({ random, domain, secret, stamp }).record
}

/** Connects from a source of its own. */
export function dial(port: number): Socket {
  const source = clients++ % SOURCES
  const socket = connect({ host: '127.0.0.1', port, localAddress: `127.20.${source >> 8}.${source & 255}` })
  socket.on('error', () => {})
  return socket.setNoDelay(true)
}

/** The ms from the connect to the proxy's answer to `hello`; undefined where none came within `limitMs`. Then it leaves. */
export function shakeHands(port: number, hello: Uint8Array, limitMs: number): Promise<number | undefined> {
  const began = performance.now()
  const socket = dial(port)
  socket.write(hello)
  return new Promise((resolve) => {
    const end = (answer: number | undefined) => {
      clearTimeout(limit)
      socket.destroy()
      resolve(answer)
    }
    const limit = setTimeout(() => end(undefined), limitMs)
    socket.once('data', (chunk) => end(chunk[0] === HANDSHAKE_RECORD ? performance.now() - began : undefined))
    socket.once('close', () => end(undefined))
  })
}
