import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { Child, NODE, runToEnd } from './child.ts'

const programs = join(import.meta.dirname, 'clients')

/** TDLib dials Telegram beside the proxy it pings, so it may only run where nothing but the loopback is up. */
export function assertOffline(): void {
  const outside = Object.keys(networkInterfaces()).filter((name) => name !== 'lo')
  if (outside.length > 0) throw new Error(`the network is up (${outside.join(', ')}): run these with npm run test:e2e`)
}

/** TDLib's ping of a proxy: the round trip in seconds, or its error. */
export async function pingWithTdlib(port: number, secret: string): Promise<{ seconds?: number; error?: string }> {
  assertOffline()
  const run = await runToEnd(NODE, [join(programs, 'tdlib.ts'), '127.0.0.1', String(port), secret])
  return JSON.parse(run.stdout) as { seconds?: number; error?: string }
}

export interface DownloadOrder {
  readonly port: number
  readonly secret: string
  readonly publicKeyPem: string
  readonly fileId: string
  readonly bytes: number
  readonly pauseAtBytes?: number
}

interface DownloadLine {
  readonly event: 'connected' | 'progress' | 'paused' | 'done' | 'failed'
  readonly bytes?: number
  readonly sha256?: string
  readonly connections?: number
  readonly error?: string
}

/** mtcute in the middle of a key exchange and a download. */
export class Download {
  readonly #child: Child

  constructor({ port, ...order }: DownloadOrder) {
    const argument = JSON.stringify({ server: '127.0.0.1', port, ...order })
    this.#child = new Child(NODE, [join(programs, 'mtcute.ts'), argument])
  }

  /** Returns when the wanted number of bytes is there and the client waits, its connection open. */
  async paused(): Promise<void> {
    await this.#line('paused')
  }
  resume(): void {
    this.#child.say('go on')
  }
  async done(limitMs = 60_000): Promise<DownloadLine> {
    const { code } = await this.#child.finish(limitMs)
    const last = JSON.parse(this.#child.stdout.all.at(-1) ?? '{}') as DownloadLine
    if (code !== 0) throw new Error(`mtcute: ${last.error}\n${this.#child.stderr.all.slice(-20).join('\n')}`)
    return last
  }
  kill(): Promise<void> {
    return this.#child.kill()
  }

  #line(event: DownloadLine['event']): Promise<string> {
    const isIt = (line: string) => (JSON.parse(line) as DownloadLine).event === event
    return this.#child.stdout.next(30_000, `mtcute: ${event}`, isIt)
  }
}
