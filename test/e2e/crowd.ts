import { FakeTlsLink } from '../../sim/actors/fake-tls-link.ts'
import { dcKey } from '../../sim/telegram/key.ts'
import type { Connection } from '../../src/core/ports.ts'
import { createRuntime } from '../../src/runtime/index.ts'
import { DOMAIN } from './config.ts'
import { within } from './wait.ts'

/** How one connection of a client went: it reached the DC, or saw another site, or neither. */
export type Outcome = 'answered' | 'turned-away' | 'failed'

export interface Visit {
  readonly key: string
  /** What was the case when it began, and when it ended. */
  readonly began: string
  readonly ended: string
  readonly outcome: Outcome
}

const WAIT_MS = 30_000

/** Fake-TLS clients that connect, ask the DC a question, go, and come again at once, until they are told to stop. */
export class Crowd {
  readonly visits: Visit[] = []
  /** What is the case: the test says. */
  phase: string
  readonly #runtime = createRuntime()
  readonly #dcKey = dcKey()
  readonly #port: number
  readonly #keys: string[]
  readonly #waiting: { readonly key: string; readonly phase: string; left: number; readonly resolve: () => void }[] = []
  readonly #loops: Promise<void>[]
  readonly #ends = new Set<(outcome: Outcome) => void>()
  #isOver = false

  /** One client for each key, in hex. */
  constructor(port: number, keys: readonly string[], phase: string) {
    this.#port = port
    this.#keys = [...keys]
    this.phase = phase
    this.#loops = keys.map((_, at) => this.#loop(at))
  }

  /** From its next visit on that client uses another link. */
  give(at: number, key: string): void {
    this.#keys[at] = key
  }

  /** Settles when `count` more visits with that key have begun and ended in the phase that is now. */
  async more(key: string, count: number): Promise<void> {
    const { phase } = this
    const reached = new Promise<void>((resolve) => this.#waiting.push({ key, phase, left: count, resolve }))
    await within(WAIT_MS, `${count} visits while ${phase}`, reached)
  }

  /**
   * Ends what is under way: who said hello before a secret ended, and goes on behind it, is read and discarded for as long as any
   * handshake may take.
   */
  async stop(): Promise<void> {
    this.#isOver = true
    this.phase = 'over'
    for (const end of this.#ends) end('failed')
    await within(WAIT_MS, 'the last visits', Promise.all(this.#loops))
  }

  async #loop(at: number): Promise<void> {
    while (!this.#isOver) {
      const key = this.#keys[at]
      const began = this.phase
      const outcome = await this.#visit(Buffer.from(key, 'hex'))
      this.visits.push({ key, began, ended: this.phase, outcome })
      for (const one of this.#waiting)
        if (one.key === key && one.phase === began && began === this.phase && --one.left === 0) one.resolve()
      // One that cannot connect fails at once: others must have their turn.
      if (outcome === 'failed') await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #visit(key: Uint8Array): Promise<Outcome> {
    const { network, random, clock } = this.#runtime
    return new Promise((resolve) => {
      network.dial(
        { ip: '127.0.0.1', port: this.#port },
        {
          onFail: () => resolve('failed'),
          onOpen: (connection: Connection) => {
            const tls = { random, key, domain: DOMAIN, stamp: clock.wall(), size: 'classic' } as const
            const options = { random, clock, framing: 'padded', secret: key, key: this.#dcKey, dc: 2 } as const
            const link = new FakeTlsLink(connection, tls, options)
            const end = (outcome: Outcome) => {
              if (!this.#ends.delete(end)) return
              connection.reset()
              resolve(outcome)
            }
            this.#ends.add(end)
            link.onOver = (how) => end(how === 'turned-away' ? how : 'failed')
            link.client.onTrouble = () => end('failed')
            link.client.requestPq(() => end('answered'))
            return link
          },
        },
      )
    })
  }
}
