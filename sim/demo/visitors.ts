import type { Connection, Handler } from '../../src/core/ports.ts'
import { FakeTlsLink } from '../actors/fake-tls-link.ts'
import { MtprotoLink, type MtprotoClient } from '../actors/mtproto-client.ts'
import type { Agreed } from '../telegram/auth.ts'
import { fileBytes } from '../telegram/files.ts'
import { dcKey } from '../telegram/key.ts'
import { DOMAIN, timer, type DemoSecret, type Stage } from './stage.ts'

const CLIENTS_PER_MODE = 4
const FILE_BYTES = 4 << 20
const PART_BYTES = 512 << 10
const PAUSE_MS = 400

export interface ClientCount {
  readonly mode: DemoSecret['mode']
  live: number
  files: number
  bad: number
}

/** Some clients with each kind of secret: they connect, download a file, compare every byte, go, and come again. */
export class Clients {
  readonly counts: readonly ClientCount[]
  readonly #stage: Stage
  readonly #open = new Set<Connection>()
  readonly #key = dcKey()
  #isOver = false

  constructor(stage: Stage) {
    this.#stage = stage
    this.counts = stage.secrets.map(({ mode }) => ({ mode, live: 0, files: 0, bad: 0 }))
  }

  start(): void {
    this.#stage.secrets.forEach((secret, at) => {
      for (let i = 0; i < CLIENTS_PER_MODE; i++) timer(60 * (3 * i + at), () => this.#visit(secret, this.counts[at]))
    })
  }

  stop(): void {
    this.#isOver = true
    for (const connection of this.#open) connection.reset()
  }

  #visit(secret: DemoSecret, count: ClientCount, agreed?: Agreed): void {
    if (this.#isOver) return
    let known = agreed
    const again = () => timer(PAUSE_MS, () => this.#visit(secret, count, known))
    this.#stage.runtime.network.dial(this.#stage.proxy, {
      onOpen: (connection) => {
        this.#open.add(connection)
        count.live++
        const link = this.#link(connection, secret, agreed)
        link.onOver = () => {
          if (!this.#open.delete(connection)) return
          count.live--
          again()
        }
        const fail = () => {
          count.bad++
          connection.reset()
          link.onOver('reset')
        }
        link.client.onTrouble = fail
        const download = () => this.#download(link.client, count, 0, { fail, done: () => link.end() })
        if (agreed !== undefined) download()
        else
          link.client.exchangeKey((result) => {
            if (result.kind === 'failed') fail()
            else {
              known = result.value
              download()
            }
          })
        return link
      },
      onFail: again,
    })
  }

  #link(connection: Connection, { mode, key: secret }: DemoSecret, agreed: Agreed | undefined) {
    const { random, clock } = this.#stage.runtime
    const framing = mode === 'plain' ? 'intermediate' : 'padded'
    const options = {
      ...({ random, clock, framing, secret, key: this.#key, dc: 1 + random.below(5) } as const),
      ...(agreed === undefined ? {} : { agreed }),
    }
    if (mode !== 'fake-tls') return new MtprotoLink(connection, options) as MtprotoLink & Over
    const tls = { random, key: secret, domain: DOMAIN, stamp: clock.wall(), size: 'today' } as const
    return new FakeTlsLink(connection, tls, options) as FakeTlsLink & Over
  }

  #download(client: MtprotoClient, count: ClientCount, offset: number, end: { done(): void; fail(): void }): void {
    const id = BigInt(count.files + 1)
    const size = FILE_BYTES
    client.getFile({ id, size, offset, limit: PART_BYTES }, (result) => {
      const wanted = fileBytes(id, offset, PART_BYTES)
      if (result.kind === 'failed' || Buffer.compare(result.value, wanted) !== 0) end.fail()
      else if (offset + PART_BYTES < size) this.#download(client, count, offset + PART_BYTES, end)
      else {
        count.files++
        end.done()
      }
    })
  }
}

interface Over extends Handler {
  onOver: (how: 'end' | 'reset' | 'turned-away') => void
}
