import { connect } from 'node:tls'
import { DOMAIN } from './config.ts'
import { within } from './wait.ts'

/** How a short connection failed: before it stood, or after. */
export interface Failure {
  readonly when: 'connecting' | 'speaking'
  readonly why: string
}

const AT_A_TIME = 8
/** Its own address: whoever only knocks is banned, and the clients of the test are not to share that. */
const FROM = '127.0.0.9'
const ANSWER_MS = 20_000

/** A stream of short connections, each a whole TLS handshake with the site behind the proxy, until it is told to end. */
export class Knocker {
  served = 0
  readonly failures: Failure[] = []
  readonly #port: number
  readonly #loops: Promise<void>[]
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = []
  #isOver = false

  constructor(port: number) {
    this.#port = port
    this.#loops = Array.from({ length: AT_A_TIME }, () => this.#loop())
  }

  /** Settles when `count` more are served. */
  async more(count: number): Promise<void> {
    const reached = new Promise<void>((resolve) => this.#waiting.push({ count: this.served + count, resolve }))
    await within(60_000, `${count} more connections, after ${this.served}`, reached)
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
  }

  async #loop(): Promise<void> {
    while (!this.#isOver) {
      const failure = await knock(this.#port)
      if (failure === undefined) this.served++
      else this.failures.push(failure)
      for (const { count, resolve } of this.#waiting) if (this.served >= count) resolve()
      // One that cannot connect fails at once: others must have their turn.
      if (failure !== undefined) await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

/** One short connection; undefined when all went well. */
export function knock(port: number): Promise<Failure | undefined> {
  return new Promise((resolve) => {
    let when: Failure['when'] = 'connecting'
    const at = { host: '127.0.0.1', port, localAddress: FROM }
    const socket = connect({ ...at, servername: DOMAIN, rejectUnauthorized: false })
    const done = (failure?: Failure) => {
      clearTimeout(limit)
      socket.destroy()
      resolve(failure)
    }
    const limit = setTimeout(() => done({ when, why: 'no answer' }), ANSWER_MS)
    const fail = (why: string) => done({ when, why })
    socket.on('error', (error: Error) => fail(error.message))
    socket.on('close', () => fail('closed'))
    socket.once('connect', () => (when = 'speaking'))
    socket.once('secureConnect', () => done())
  })
}
