import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { splitHostPort } from '../config/values/net.ts'
import { isPrivate, parseIp } from '../core/address.ts'
import type { Address, PublicAddress, Random, SeenAddress } from '../core/ports.ts'
import { readStunAnswer, STUN_TRANSACTION_LENGTH, stunRequest } from '../core/protocol/stun.ts'
import type { Lookup } from './https/get.ts'
import { errorCode, plainIp } from './network.ts'

export interface StunOptions {
  /** Where names of servers are looked up. */
  readonly resolve: Lookup
  readonly random: Random
  /** How long each try waits for its answer; the first of RFC 8489, 6.2.1 when absent. */
  readonly triesMs?: readonly number[]
}

const TRIES_MS = [500, 1000, 2000]
const RESOLVE_MS = 1000
/** Datagrams that are no answer of ours, before the server counts as out of its mind. */
const NONSENSE_MAX = 16

/** STUN over UDP, the same on both runtimes. Of the answers only one to our own request from the very address asked counts. */
export function createPublicAddress(options: StunOptions): PublicAddress {
  return {
    find({ server, family, from }, reply) {
      const { host, port } = splitHostPort(server)
      withAddress(host, family, options.resolve, (ip) => {
        if (ip === undefined) reply({ why: `no IPv${family} address of it was found` })
        else new Question({ ip, port }, from, options, reply)
      })
    },
  }
}

type Reply = (seen: SeenAddress | { readonly why: string }) => void

function withAddress(host: string, family: 4 | 6, resolve: Lookup, use: (ip: string | undefined) => void): void {
  const isOfFamily = (ip: string) => parseIp(ip)?.length === (family === 4 ? 4 : 16)
  if (parseIp(host) !== undefined) {
    setImmediate(() => use(isOfFamily(host) ? host : undefined))
    return
  }
  let isOver = false
  const finish = (ips: readonly string[]) => {
    clearTimeout(limit)
    if (isOver) return
    isOver = true
    // The name may have been known already.
    setImmediate(() => use(ips.find(isOfFamily)))
  }
  const limit = setTimeout(() => finish([]), RESOLVE_MS)
  resolve(host, finish)
}

/** One request, sent a few times over one socket until it is answered. */
class Question {
  readonly #server: Address
  readonly #reply: Reply
  readonly #triesMs: readonly number[]
  readonly #transaction: Uint8Array
  readonly #socket: Socket
  #local: Address = { ip: '', port: 0 }
  #tries = 0
  #nonsense = 0
  #timer: NodeJS.Timeout | undefined
  #isOver = false

  constructor(server: Address, from: string | undefined, { random, triesMs = TRIES_MS }: StunOptions, reply: Reply) {
    this.#server = server
    this.#reply = reply
    this.#triesMs = triesMs
    this.#transaction = random.fill(new Uint8Array(STUN_TRANSACTION_LENGTH))
    this.#socket = createSocket(server.ip.includes(':') ? 'udp6' : 'udp4')
    this.#socket.on('error', (error) => this.#finish({ why: errorCode(error) }))
    this.#socket.on('message', (answer, sender) => this.#take(answer, sender))
    // A connected socket has the address that routing gives it, and hears nobody else.
    const connect = () => {
      if (!this.#isOver) this.#socket.connect(server.port, server.ip, (error?: Error) => this.#connected(error))
    }
    if (from === undefined) connect()
    else this.#socket.bind({ address: from, port: 0, exclusive: true }, connect)
  }

  #connected(error: Error | undefined): void {
    if (this.#isOver) return
    if (error !== undefined && error !== null) return this.#finish({ why: 'unreachable' })
    const { address, port } = this.#socket.address()
    const ip = plainIp(address)
    this.#local = { ip, port }
    // Nobody has to be asked about an address that is public by itself.
    if (!isPrivate(parseIp(ip) ?? new Uint8Array(4))) this.#finish({ local: ip, ip, isPortKept: true })
    else this.#try()
  }

  #try(): void {
    const waitMs = this.#triesMs[this.#tries++]
    if (waitMs === undefined) return this.#finish({ why: 'no answer' })
    this.#timer = setTimeout(() => this.#try(), waitMs)
    this.#socket.send(stunRequest(this.#transaction), (error) => {
      if (error !== null && error !== undefined) this.#finish({ why: errorCode(error) })
    })
  }

  #take(answer: Uint8Array, sender: RemoteInfo): void {
    if (plainIp(sender.address) !== this.#server.ip || sender.port !== this.#server.port) return
    const found = readStunAnswer(answer, this.#transaction)
    if (found === undefined) {
      if (++this.#nonsense > NONSENSE_MAX) this.#finish({ why: 'nothing it says is an answer' })
      return
    }
    const ip = parseIp(found.ip)
    if (ip === undefined || ip.length !== parseIp(this.#local.ip)?.length)
      return this.#finish({ why: `it says ${found.ip}, which is of another family` })
    if (isPrivate(ip)) return this.#finish({ why: `it says ${found.ip}, which is no public address` })
    this.#finish({ local: this.#local.ip, ip: found.ip, isPortKept: found.port === this.#local.port })
  }

  #finish(result: Parameters<Reply>[0]): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#socket.close()
    this.#reply(result)
  }
}
