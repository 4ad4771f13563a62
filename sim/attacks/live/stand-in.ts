import { closeSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import type { Address, Connection, Handler } from '../../../src/core/ports.ts'
import type { Runtime } from '../../../src/runtime/index.ts'
import { openListenSocket } from '../../../src/runtime/listen-sockets.ts'
import { CountingDc } from '../counting-dc.ts'
import type { SlowLines } from './slow-lines.ts'

/** What is wrong with a DC, or with all of them where none is named. */
export interface Trouble {
  readonly dc: number | undefined
  /** `refusing`: nobody can connect; `black-hole`: nothing answers, not even the kernel. */
  readonly how: 'refusing' | 'black-hole'
}

export interface StandInOptions {
  readonly runtime: Runtime
  readonly at: Address
  /** Those that lead here. */
  readonly lines: SlowLines
  /** Told one line when it cannot listen any more. */
  readonly onError: (line: string) => void
}

const BACKLOG = 1024

/**
 * All of Telegram at one address, and what can go wrong with it. Which DC is meant shows in the first bytes of a connection: a single
 * one that refuses resets it then, and one in a black hole says nothing; all of them together are as if the machine were away.
 */
export class StandIn {
  readonly #runtime: Runtime
  readonly #at: Address
  readonly #lines: SlowLines
  readonly #onError: (line: string) => void
  readonly #dc = new CountingDc({
    onInit: (connection, dc) => this.#admit(connection, dc),
    onGone: (connection) => void this.#dcOf.delete(connection),
  })
  /** Of those that are open; undefined: it has not said. */
  readonly #dcOf = new Map<Connection, number | undefined>()
  readonly #troubles = new Set<Trouble>()
  #door: Door = { state: 'shut', close() {} }
  #turning = Promise.resolve()
  #isClosed = false

  private constructor({ runtime, at, lines, onError }: StandInOptions) {
    this.#runtime = runtime
    this.#at = at
    this.#lines = lines
    this.#onError = onError
  }

  /** Rejects with one line when nobody can listen there. */
  static async open(options: StandInOptions): Promise<StandIn> {
    const standIn = new StandIn(options)
    standIn.#door = await standIn.#listen()
    return standIn
  }

  /** From now on until `end` with the same object; who is connected there is cut off. */
  begin(trouble: Trouble): void {
    this.#troubles.add(trouble)
    for (const [connection, dc] of this.#dcOf)
      if (trouble.dc === undefined || trouble.dc === dc) this.#reset(connection)
    this.#turn()
  }

  end(trouble: Trouble): void {
    this.#troubles.delete(trouble)
    this.#turn()
  }

  close(): void {
    this.#isClosed = true
    this.#door.close()
  }

  /** As the troubles of all DCs want the door, one turn after the other. */
  #turn(): void {
    this.#turning = this.#turning.then(async () => {
      const wanted = [...this.#troubles].find(({ dc }) => dc === undefined)?.how ?? 'open'
      const state = wanted === 'refusing' ? 'shut' : wanted
      if (this.#isClosed || this.#door.state === state) return
      this.#door.close()
      this.#door = { state: 'shut', close() {} }
      try {
        if (state === 'open') this.#door = await this.#listen()
        else if (state === 'black-hole') this.#door = blackHole(this.#runtime, this.#at)
      } catch (error) {
        this.#onError((error as Error).message)
      }
      if (this.#isClosed) this.#door.close()
    })
  }

  #listen(): Promise<Door> {
    const { ip: host, port } = this.#at
    const accept = (connection: Connection): Handler => {
      this.#dcOf.set(connection, undefined)
      return this.#lines.late(this.#dc.accept(connection))
    }
    return new Promise((resolve, reject) => {
      this.#runtime.network.listen({ host, port, backlog: BACKLOG }, accept, (result) => {
        if ('error' in result) reject(new Error(`--telegram: ${result.error.message}`))
        else resolve({ state: 'open', close: () => result.close() })
      })
    })
  }

  #admit(connection: Connection, dc: number): boolean {
    this.#dcOf.set(connection, dc)
    const trouble = [...this.#troubles].find((each) => each.dc === dc)
    if (trouble?.how === 'refusing') this.#reset(connection)
    return trouble === undefined
  }

  #reset(connection: Connection): void {
    this.#dcOf.delete(connection)
    connection.reset()
  }
}

/** How the address answers whoever dials. */
interface Door {
  readonly state: 'open' | 'shut' | 'black-hole'
  close(): void
}

/** Linux drops what comes to a socket whose queue is full: nobody accepts on this one, and we are the one who waits in it. */
function blackHole(runtime: Runtime, at: Address): Door {
  const socket = openListenSocket(runtime.libc(), { ...at, backlog: 0, isShared: false })
  if ('error' in socket) throw new Error(`--telegram: ${socket.error.message}`)
  const waiting: Socket = connect({ host: at.ip, port: at.port }).on('error', () => {})
  return {
    state: 'black-hole',
    close() {
      waiting.destroy()
      closeSync(socket.fd)
    },
  }
}
