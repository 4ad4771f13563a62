import type { Connection } from '../../src/core/ports.ts'
import { concat, fromAscii } from '../../src/core/protocol/bytes.ts'
import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { DOMAIN, timer, type Stage } from './stage.ts'

const EVERY_MS = 350
const PATIENCE_MS = 3_000

export interface AttackCount {
  readonly name: string
  made: number
  seen: string
}

/** Those who look for proxies: scanners, censors with a recording, guessers. They are told what they get to see. */
export class Strangers {
  readonly counts: readonly AttackCount[]
  readonly #stage: Stage
  readonly #attacks: readonly { readonly name: string; readonly say: () => Uint8Array }[]
  #recorded: Uint8Array
  #turn = 0
  #isOver = false

  constructor(stage: Stage) {
    const { random, clock } = stage.runtime
    const key = stage.secrets.find(({ mode }) => mode === 'fake-tls')?.key ?? new Uint8Array(16)
    const hello = (options: { secret?: Uint8Array; stamp?: number; domain?: string }) =>
      makeClientHello({ random, domain: DOMAIN, ...options }).record
    this.#stage = stage
    this.#recorded = hello({ secret: key, stamp: clock.wall() })
    this.#attacks = [
      { name: 'browser', say: () => hello({}) },
      { name: 'HTTP scanner', say: () => fromAscii(`GET / HTTP/1.1\r\nHost: ${DOMAIN}\r\n\r\n`) },
      { name: 'random bytes', say: () => concat(Uint8Array.of(0x50), random.fill(new Uint8Array(300))) },
      { name: 'guessed secret', say: () => hello({ secret: random.fill(new Uint8Array(16)), stamp: clock.wall() }) },
      { name: 'stopped clock', say: () => hello({ secret: key, stamp: clock.wall() - 86_400 }) },
      { name: 'replayed hello', say: () => this.#recorded },
    ]
    this.counts = this.#attacks.map(({ name }) => ({ name, made: 0, seen: 'nothing yet' }))
  }

  start(): void {
    // The one time that the recorded hello is its owner's.
    this.#probe(this.#recorded, () => {})
    const next = () => {
      if (this.#isOver) return
      const at = this.#turn++ % this.#attacks.length
      const count = this.counts[at]
      count.made++
      this.#probe(this.#attacks[at].say(), (seen) => (count.seen = seen))
      timer(EVERY_MS, next)
    }
    timer(EVERY_MS, next)
  }

  stop(): void {
    this.#isOver = true
  }

  #probe(bytes: Uint8Array, tell: (seen: string) => void): void {
    let received = new Uint8Array(0)
    let open: Connection | undefined
    const end = (how: string) => {
      if (open === undefined) return
      open.reset()
      open = undefined
      patience.cancel()
      tell(`${describe(received)}${how}`)
    }
    const patience = timer(PATIENCE_MS, () => end(''))
    this.#stage.runtime.network.dial(this.#stage.proxy, {
      onOpen: (connection) => {
        open = connection
        connection.write(bytes)
        return {
          onData: (chunk) => (received = concat(received, chunk) as Uint8Array<ArrayBuffer>),
          onDrain() {},
          onEnd: () => end(', then its FIN'),
          onClose: (kind) => end(`, then ${kind}`),
        }
      },
      onFail: () => patience.cancel(),
    })
  }
}

function describe(received: Uint8Array): string {
  if (received.length === 0) return 'silence'
  if (received[0] === 0x48) return `the site's HTTP error, ${received.length} bytes`
  if (received[0] === 0x15) return "the site's TLS alert"
  return received[0] === 0x16 ? `the site's TLS hello, ${received.length} bytes` : `${received.length} bytes`
}
