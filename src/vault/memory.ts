import { createHmac } from 'node:crypto'
import type { Hello, Match, SecretId, Vault } from '../core/ports.ts'
import { readStamp } from '../core/protocol/faketls/client-hello.ts'
import { decryptInit, rawKeys, readInit, withSecret } from '../core/protocol/obfuscated2.ts'

export interface MemoryVaultOptions {
  /** Runs every reply; by default replies come at once. Tests use it to answer later. */
  readonly later?: (run: () => void) => void
}

/** Secrets in the memory of this process. */
export class MemoryVault implements Vault {
  readonly #keys = new Map<SecretId, Uint8Array>()
  readonly #later: (run: () => void) => void

  constructor(options: MemoryVaultOptions = {}) {
    this.#later = options.later ?? ((run) => run())
  }

  /** Keeps a copy of the 16-byte key; an id that is known already gets the new key. */
  put(id: SecretId, key: Uint8Array): void {
    this.remove(id)
    this.#keys.set(id, key.slice())
  }

  /** Forgets the key and overwrites it. Harmless when the id is unknown. */
  remove(id: SecretId): void {
    this.#keys.get(id)?.fill(0)
    this.#keys.delete(id)
  }

  match(
    hello: Hello,
    candidates: readonly SecretId[],
    reply: (match: Match | undefined, trials: number) => void,
  ): void {
    let trials = 0
    let match: Match | undefined
    for (const id of candidates) {
      const key = this.#keys.get(id)
      if (key === undefined) continue
      trials++
      match = hello.kind === 'init' ? tryInit(hello.wire, id, key) : tryClientHello(hello.record, hello.random, id, key)
      if (match !== undefined) break
    }
    this.#later(() => reply(match, trials))
  }

  sign(id: SecretId, parts: readonly Uint8Array[], reply: (mac: Uint8Array | undefined) => void): void {
    const key = this.#keys.get(id)
    let mac: Uint8Array | undefined
    if (key !== undefined) {
      const hmac = createHmac('sha256', key)
      for (const part of parts) hmac.update(part)
      mac = hmac.digest()
    }
    this.#later(() => reply(mac))
  }
}

function tryClientHello(record: Uint8Array, random: Uint8Array, id: SecretId, key: Uint8Array): Match | undefined {
  const stamp = readStamp(createHmac('sha256', key).update(record).digest(), random)
  return stamp === undefined ? undefined : { kind: 'client-hello', id, stamp }
}

function tryInit(wire: Uint8Array, id: SecretId, key: Uint8Array): Match | undefined {
  const raw = rawKeys(wire)
  const fromClient = withSecret(raw.up, key)
  const plain = decryptInit(wire, fromClient)
  if (readInit(plain) === undefined) return undefined
  return { kind: 'init', id, fromClient, toClient: withSecret(raw.down, key), plain }
}
