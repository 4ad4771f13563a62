import type { LinkEnd } from '../../events.ts'
import type { Address, Clock, Random } from '../../ports.ts'
import {
  handshakeFault,
  linkKeys,
  NONCE_LENGTH,
  nonceFault,
  pidOf,
  SCHEMA_AES,
  type Handshake,
  type LinkKeys,
  type Nonce,
  type Pid,
  type ProxySecret,
  type readPacket,
} from '../../protocol/rpc/index.ts'

export interface HandshakeOptions {
  readonly secret: ProxySecret
  /** Of this process. */
  readonly run: { readonly pid: number; readonly startedSec: number }
  readonly clock: Clock
  readonly random: Random
}

export type HandshakeStep =
  /** Both sides know the keys: `answer` is the first packet to be sent under ours. */
  | { readonly kind: 'keys'; readonly keys: LinkKeys; readonly answer: Handshake }
  | { readonly kind: 'open' }
  | { readonly kind: 'failed'; readonly why: LinkEnd }

/** What is said on a link before it carries anything: a nonce of each side, and a handshake of each under the keys they give. */
export class LinkHandshake {
  /** The first packet, in the clear. */
  readonly nonce: Nonce
  readonly #options: HandshakeOptions
  readonly #own: Address
  readonly #remote: Address
  readonly #pid: Pid
  #hasKeys = false

  /** `own` is our end of the link as the other side sees it: it goes into the keys. */
  constructor(own: Address, remote: Address, options: HandshakeOptions) {
    const { secret, run, clock, random } = options
    this.#options = options
    this.#own = own
    this.#remote = remote
    this.#pid = pidOf(own, run)
    const nonce = random.fill(new Uint8Array(NONCE_LENGTH))
    this.nonce = { kind: 'nonce', selector: secret.selector, schema: SCHEMA_AES, wallSec: clock.wall(), nonce }
  }

  get hasKeys(): boolean {
    return this.#hasKeys
  }

  /** The next packet of the middle proxy. */
  take(packet: ReturnType<typeof readPacket>): HandshakeStep {
    if (!this.#hasKeys) return packet.kind === 'nonce' ? this.#takeNonce(packet) : failed('bad-frame')
    if (packet.kind === 'handshake-error') return failed('handshake-refused')
    if (packet.kind !== 'handshake') return failed('bad-frame')
    return handshakeFault(packet, this.#pid) === undefined ? { kind: 'open' } : failed('other-peer')
  }

  #takeNonce(theirs: Nonce): HandshakeStep {
    const fault = nonceFault(theirs, this.nonce)
    if (fault !== undefined) return failed(fault)
    this.#hasKeys = true
    const keys = linkKeys({
      secret: this.#options.secret.bytes,
      middleNonce: theirs.nonce,
      proxyNonce: this.nonce.nonce,
      proxyWallSec: this.nonce.wallSec,
      middle: this.#remote,
      proxy: this.#own,
    })
    const peer = pidOf(this.#remote, { pid: 0, startedSec: 0 })
    return { kind: 'keys', keys, answer: { kind: 'handshake', flags: 0, sender: this.#pid, peer } }
  }
}

function failed(why: LinkEnd): HandshakeStep {
  return { kind: 'failed', why }
}
