import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import type { Address, Connection, Handler } from '../../src/core/ports.ts'
import { createRuntime, type Listener, type ListenError, type RuntimeNetwork } from '../../src/runtime/index.ts'
import type { Case } from './contract.ts'
import { networkCases } from './network.cases.ts'
import { connectPair, Peer, type NetworkSubject, type Pair } from './network.subject.ts'

/** The network of the runtime we are on, on loopback; and what only a real one promises. */

const DEADLINE_MS = 20_000
const SETTLE_MS = 40

class RealSubject implements NetworkSubject {
  readonly network: RuntimeNetwork
  readonly floodBytes = 32 << 20

  constructor(network: RuntimeNetwork) {
    this.network = network
  }

  async listen(accept: (connection: Connection) => Handler, family: 4 | 6 = 4): Promise<Listener> {
    return listening(this.network, { host: family === 4 ? '127.0.0.1' : '::1', port: 0 }, accept)
  }

  async closedAddress(): Promise<Address> {
    const listener = await this.listen(() => new Peer())
    listener.close()
    await this.settle()
    return listener.address
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`did not come to pass: ${what}`)
      await turn()
    }
  }

  /** Loopback delivers within the call that sends, so a bounded number of turns brings all there is; the time is for queues. */
  async settle(): Promise<void> {
    const until = performance.now() + SETTLE_MS
    for (let turns = 0; turns < 20 || performance.now() < until; turns++) await turn()
  }
}

/** One turn of the event loop, which polls the sockets. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function listen(
  network: RuntimeNetwork,
  options: { host: string; port: number; backlog?: number },
  accept: (connection: Connection) => Handler,
): Promise<Listener | { readonly error: ListenError }> {
  return new Promise((resolve) => network.listen({ backlog: 1024, ...options }, accept, resolve))
}

async function listening(
  network: RuntimeNetwork,
  options: { host: string; port: number; backlog?: number },
  accept: (connection: Connection) => Handler,
): Promise<Listener> {
  const result = await listen(network, options, accept)
  if ('error' in result) throw new Error(result.error.message)
  return result
}

/** Socket descriptors of this process, by the word of the system. */
function openSockets(): number {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      // The descriptor of this very listing is gone again.
      return ''
    }
  })
  return links.filter((link) => link.startsWith('socket:')).length
}

const peerFor = (connection: Connection) => new Peer().own(connection)

const REAL_ONLY: readonly Case<RealSubject>[] = [
  {
    name: 'port 0 becomes a port of the kernel, and listen never answers at once',
    async run(subject) {
      const results: (Listener | { readonly error: ListenError })[] = []
      subject.network.listen({ host: '127.0.0.1', port: 0, backlog: 10 }, peerFor, (result) => results.push(result))
      assert.equal(results.length, 0)
      await subject.until('listen has answered', () => results.length > 0)
      const [listener] = results
      assert.ok(!('error' in listener))
      assert.equal(listener.address.ip, '127.0.0.1')
      assert.ok(listener.address.port > 0)
      listener.close()
    },
  },
  {
    name: 'a port that is taken is an error with its code and one line that names the place',
    async run({ network }) {
      const first = await listening(network, { host: '127.0.0.1', port: 0 }, peerFor)
      const second = await listen(network, { host: '127.0.0.1', port: first.address.port }, peerFor)
      assert.ok('error' in second)
      assert.equal(second.error.code, 'EADDRINUSE')
      assert.match(second.error.message, /^cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE\)$/)
      first.close()
    },
  },
  {
    name: 'an address that is not ours is an error',
    async run({ network }) {
      const result = await listen(network, { host: '203.0.113.7', port: 0 }, peerFor)
      assert.ok('error' in result)
      assert.equal(result.error.code, 'EADDRNOTAVAIL')
    },
  },
  {
    name: 'the IPv6 wildcard leaves the port to the IPv4 one, and each takes its own family',
    async run(subject) {
      const { network } = subject
      const seen: string[] = []
      const note = (by: string) => (connection: Connection) => {
        seen.push(`${by} ${connection.remote.ip} ${connection.local.ip}`)
        return peerFor(connection)
      }
      const six = await listening(network, { host: '::', port: 0 }, note('six'))
      const { port } = six.address
      const four = await listening(network, { host: '0.0.0.0', port }, note('four'))
      for (const ip of ['::1', '127.0.0.1']) network.dial({ ip, port }, { onOpen: peerFor, onFail: assert.fail })
      await subject.until('both are accepted', () => seen.length === 2)
      assert.deepEqual(seen.sort(), ['four 127.0.0.1 127.0.0.1', 'six ::1 ::1'])
      six.close()
      four.close()
    },
  },
  {
    name: 'a cancelled dial gives its socket back while the peer has not answered',
    async run(subject) {
      const { network } = subject
      const before = network.descriptors.open
      const accepted: Connection[] = []
      const listener = await listening(network, { host: '127.0.0.1', port: 0, backlog: 1 }, (connection) => {
        accepted.push(connection)
        return peerFor(connection)
      })
      // Nobody accepts within this turn, so what does not fit the backlog gets no answer, and asks again after a second.
      const opened: Connection[] = []
      const dials = Array.from({ length: 6 }, () =>
        network.dial(listener.address, {
          onOpen(connection) {
            opened.push(connection)
            return peerFor(connection)
          },
          onFail: assert.fail,
        }),
      )
      await subject.until('some are through', () => opened.length > 0 && accepted.length === opened.length)
      const hanging = dials.length - opened.length
      assert.ok(hanging > 0, 'the backlog was full')
      assert.equal(network.descriptors.open - before, dials.length + accepted.length)
      for (const dialing of dials) dialing.cancel()
      await subject.until(
        'the sockets are back',
        () => network.descriptors.open - before === opened.length + accepted.length,
      )
      for (const connection of [...opened, ...accepted]) connection.close()
      listener.close()
    },
  },
  {
    name: 'sockets are counted while they are open, and counted out however they end',
    async run(subject) {
      const before = subject.network.descriptors.open
      const count = () => subject.network.descriptors.open - before
      const first = await connectPair(subject)
      assert.equal(count(), 2)
      first.dialled.connection.close()
      await subject.until('the end is told', () => first.accepted.events.length > 0)
      await subject.until('the closed one is counted out', () => count() === 1)
      first.accepted.connection.close()
      const second = await connectPair(subject)
      second.dialled.connection.reset()
      const third = await connectPair(subject)
      third.dialled.send(100, { end: true })
      third.accepted.send(100, { end: true })
      await subject.until('all are counted out', () => count() === 0)
    },
  },
  {
    name: 'a reset gives the socket back although the peer reads nothing, also behind an end that waits',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      accepted.connection.pause()
      dialled.send(subject.floodBytes)
      dialled.connection.end()
      await subject.settle()
      assert.equal(subject.network.descriptors.open, 2)
      dialled.connection.reset()
      await subject.until('it is counted out', () => subject.network.descriptors.open < 2)
      accepted.connection.reset()
    },
  },
  {
    name: 'every way to end a connection gives its descriptor back to the system',
    async run(subject) {
      const before = openSockets()
      const endings: readonly ((pair: Pair) => void)[] = [
        ({ dialled, accepted }) => [dialled, accepted].forEach((peer) => peer.connection.close()),
        ({ dialled, accepted }) => [dialled, accepted].forEach((peer) => peer.connection.reset()),
        ({ dialled, accepted }) => [dialled, accepted].forEach((peer) => peer.send(1000, { end: true })),
        ({ dialled, accepted }) => {
          accepted.connection.pause()
          dialled.send(subject.floodBytes, { end: true })
          dialled.connection.end()
          dialled.connection.reset()
          accepted.connection.reset()
        },
        ({ dialled, accepted }) => {
          accepted.connection.pause()
          dialled.send(subject.floodBytes)
          dialled.connection.close()
          accepted.connection.close()
        },
        ({ dialled, accepted }) => {
          accepted.send(10, { end: true })
          accepted.connection.reset()
          dialled.onEnded = () => dialled.connection.close()
        },
      ]
      for (const ending of endings) {
        ending(await connectPair(subject))
        await subject.until('the sockets are counted out', () => subject.network.descriptors.open === 0)
        await subject.until('the descriptors are closed', () => openSockets() === before)
      }
    },
  },
  {
    name: 'the budget of descriptors closes what is accepted beyond it, keeps some for dials, and recovers',
    async run(subject) {
      const small = createRuntime({ descriptorsMax: 16 }).network
      const accepted: Peer[] = []
      const listener = await listening(small, { host: '127.0.0.1', port: 0 }, (connection) => {
        const peer = new Peer()
        accepted.push(peer)
        return peer.own(connection)
      })
      const clients = Array.from({ length: 20 }, () => new Peer())
      for (const client of clients) {
        subject.network.dial(listener.address, { onOpen: (connection) => client.own(connection), onFail: assert.fail })
      }
      await subject.until('all are answered', () => accepted.length + small.descriptors.refused === 20)
      assert.deepEqual([accepted.length, small.descriptors.refused, small.descriptors.open], [14, 6, 14])
      await subject.until('six hear of it', () => clients.filter((client) => client.events.length > 0).length === 6)

      const target = await subject.listen(peerFor)
      const answers: string[] = []
      for (let i = 0; i < 3; i++) {
        small.dial(target.address, {
          onOpen(connection) {
            answers.push('open')
            return peerFor(connection)
          },
          onFail: (why) => answers.push(why),
        })
        assert.deepEqual(answers, [], 'never before dial has returned')
      }
      await subject.until('the dials are answered', () => answers.length === 3)
      assert.deepEqual(answers.sort(), ['descriptors', 'open', 'open'])

      for (const peer of accepted) peer.connection.close()
      await subject.until('the sockets are back', () => small.descriptors.open === 2)
      const late = new Peer()
      subject.network.dial(listener.address, { onOpen: (connection) => late.own(connection), onFail: assert.fail })
      await subject.until('there is room again', () => accepted.length === 15)
      listener.close()
      target.close()
    },
  },
  {
    name: "our own addresses are those of this machine's interfaces",
    run({ network }) {
      const own = network.ownAddresses()
      assert.ok(own.includes('127.0.0.1'))
      for (const ip of own) assert.doesNotMatch(ip, /%|^::ffff:/)
    },
  },
]

/** Every case of a network, each on a network of its own. */
export const realNetworkCases: readonly Case<void>[] = [...networkCases, ...REAL_ONLY].map(({ name, run }) => ({
  name,
  run: () => run(new RealSubject(createRuntime().network)),
}))
