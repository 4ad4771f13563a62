import { makeClientHello } from '../../src/core/protocol/faketls/make-hello.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import { DOMAIN, type TestSecret } from './config.ts'
import { firstBytes, isSignedAnswer } from './probe.ts'
import { within } from './wait.ts'

const AT_A_TIME = 4
/** Our answer and the site's both are longer. */
const ANSWER_BYTES = 256
const random = new SystemRandom()

/** Clients of one fake-TLS secret that say hello all the time, and who answered them: the proxy, or the site behind it. */
export class Callers {
  readonly counts = { proxy: 0, site: 0 }
  readonly failures: string[] = []
  readonly #port: number
  readonly #secret: TestSecret
  readonly #loops: Promise<void>[]
  readonly #waiting: { readonly who: 'proxy' | 'site'; readonly count: number; readonly resolve: () => void }[] = []
  #isOver = false

  constructor(port: number, secret: TestSecret) {
    this.#port = port
    this.#secret = secret
    this.#loops = Array.from({ length: AT_A_TIME }, () => this.#loop())
  }

  /** Settles when `count` more of them have had that answer. */
  async more(who: 'proxy' | 'site', count: number): Promise<void> {
    const reached = new Promise<void>((resolve) =>
      this.#waiting.push({ who, count: this.counts[who] + count, resolve }),
    )
    await within(30_000, `${count} more answers of the ${who}, after ${JSON.stringify(this.counts)}`, reached)
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
  }

  async #loop(): Promise<void> {
    while (!this.#isOver) {
      try {
        this.counts[(await isServed(this.#port, this.#secret)) ? 'proxy' : 'site']++
      } catch (error) {
        this.failures.push(String(error))
        await new Promise((resolve) => setImmediate(resolve))
      }
      for (const { who, count, resolve } of this.#waiting) if (this.counts[who] >= count) resolve()
    }
  }
}

/** Whether a hello with that secret is answered by the proxy, and not by the site; rejects where nothing is. */
export async function isServed(port: number, { key }: TestSecret): Promise<boolean> {
  const stamp = Math.floor(Date.now() / 1000)
  const { record } = makeClientHello({ random, domain: DOMAIN, secret: Buffer.from(key, 'hex'), stamp })
  const hello = Buffer.from(record)
  return isSignedAnswer(await firstBytes(port, hello, ANSWER_BYTES), hello, key)
}
