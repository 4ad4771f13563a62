import type { Hello, KeyRef, Match } from '../core/ports.ts'
import { readStamp } from '../core/protocol/faketls/client-hello.ts'
import { decryptInit, rawKeys, readInit } from '../core/protocol/obfuscated2.ts'

/** What one secret of 16 bytes is used for, wherever it lies. Throws where that place fails. */
export interface SecretUse {
  /** HMAC-SHA256 under the secret, over the parts joined. */
  hmac(parts: readonly Uint8Array[]): Uint8Array
  /** SHA-256 over `head` and the secret behind it. */
  digest(head: Uint8Array): Uint8Array
}

/** Tries one key on what a stranger said. */
export function tryOn(hello: Hello, key: KeyRef, secret: SecretUse): Match | undefined {
  return hello.kind === 'init' ? tryInit(hello.wire, key, secret) : tryClientHello(hello, key, secret)
}

function tryClientHello(hello: Hello & { kind: 'client-hello' }, key: KeyRef, secret: SecretUse): Match | undefined {
  const stamp = readStamp(secret.hmac([hello.record]), hello.random)
  return stamp === undefined ? undefined : { kind: 'client-hello', ...key, stamp }
}

/** The key of a direction is SHA-256 over the key on the wire and the secret; its iv is the one on the wire. */
function tryInit(wire: Uint8Array, { id }: KeyRef, secret: SecretUse): Match | undefined {
  const { up, down } = rawKeys(wire)
  const fromClient = { key: secret.digest(up.key), iv: up.iv }
  const plain = decryptInit(wire, fromClient)
  if (readInit(plain) === undefined) return undefined
  return { kind: 'init', id, fromClient, toClient: { key: secret.digest(down.key), iv: down.iv }, plain }
}
