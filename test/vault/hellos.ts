import type { Hello, Random } from '../../src/core/ports.ts'
import { readClientHello } from '../../src/core/protocol/faketls/client-hello.ts'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { makeInit } from '../../src/core/protocol/obfuscated2.ts'
import { seeded } from '../core/seeded.ts'

/** The init of a client that knows the key. */
export function helloFor(key: Uint8Array, random: Random = seeded(1)): Hello {
  return { kind: 'init', wire: makeInit({ random, framing: 'padded', dc: 2, secret: key }).wire }
}

/** The ClientHello of such a client. */
export function clientHelloFor(key: Uint8Array, stamp: number, random: Random): Hello {
  const { record } = makeClientHello({ random, domain: 'www.example.com', secret: key, stamp })
  const read = readClientHello(record)
  if (read.state !== 'hello') throw new Error(`a hello of ours is ${read.state}`)
  return { kind: 'client-hello', record: read.hello.record, random: read.hello.random }
}
