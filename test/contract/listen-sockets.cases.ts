import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Address, Connection, Handler } from '../../src/core/ports.ts'
import { createRuntime, type Listener } from '../../src/runtime/index.ts'
import { takeInherited, HANDOVER_VARIABLE } from '../../src/runtime/inherited.ts'
import {
  adoptListenSocket,
  duplicate,
  ListenSockets,
  openListenSocket,
  type ListenSocket,
} from '../../src/runtime/listen-sockets.ts'
import type { Case } from './contract.ts'

/** Listening sockets that one process keeps and another accepts on. */

const { network, libc: openLibc } = createRuntime()
const libc = openLibc()
const LOOPBACK = { ip: '127.0.0.1', port: 0 }

function open(addresses: readonly Address[], slots: number, inherited: readonly ListenSocket[] = [], isAll = false) {
  const skipped: string[] = []
  const options = { addresses, slots, backlog: 64, inherited, isInheritedAll: isAll }
  return { sockets: ListenSockets.open(libc, { ...options, onSkipped: (line) => skipped.push(line) }), skipped }
}

function opened(addresses: readonly Address[], slots: number, inherited: readonly ListenSocket[] = []): ListenSockets {
  const { sockets } = open(addresses, slots, inherited)
  if ('error' in sockets) throw new Error(sockets.error)
  return sockets
}

function accepting({ fd, address }: ListenSocket, onAccept: (connection: Connection) => void): Promise<Listener> {
  const accept = (connection: Connection): Handler => {
    onAccept(connection)
    connection.close()
    return { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }
  }
  return new Promise((resolve, reject) =>
    network.listen({ host: address.ip, port: address.port, backlog: 64, fd: duplicate(libc, fd) }, accept, (result) =>
      'error' in result ? reject(new Error(result.error.message)) : resolve(result),
    ),
  )
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

export const listenSocketCases: readonly Case<void>[] = [
  {
    name: 'every slot has a socket of its own on every address, and the kernel chooses one port for all of them',
    run() {
      const sockets = opened([LOOPBACK, { ip: '::1', port: 0 }], 3)
      assert.deepEqual(
        sockets.addresses.map(({ ip }) => ip),
        ['127.0.0.1', '::1'],
      )
      assert.equal(new Set(sockets.all.map(({ fd }) => fd)).size, 6)
      for (const slot of [0, 1, 2])
        assert.deepEqual(
          sockets.slot(slot).map(({ address }) => address),
          sockets.addresses,
        )
      sockets.close()
    },
  },
  {
    name: 'connections are dealt out among the slots, and none is lost',
    async run() {
      const sockets = opened([LOOPBACK], 2)
      const counts = [0, 0]
      const listeners = await Promise.all([0, 1].map((slot) => accepting(sockets.slot(slot)[0], () => counts[slot]++)))
      const clients = await Promise.all(Array.from({ length: 64 }, () => connected(sockets.addresses[0].port)))
      await until(() => counts[0] + counts[1] === 64)
      assert.ok(counts[0] > 0 && counts[1] > 0, String(counts))
      for (const client of clients) client.destroy()
      for (const listener of listeners) listener.close()
      sockets.close()
    },
  },
  {
    name: 'a listener that closes leaves the socket to the next one, with all that waits in its queue',
    async run() {
      const sockets = opened([LOOPBACK], 1)
      let count = 0
      const first = await accepting(sockets.slot(0)[0], () => count++)
      assert.deepEqual(first.address, sockets.addresses[0])
      const one = await connected(first.address.port)
      await until(() => count === 1)
      first.close()
      const waiting = await connected(first.address.port)
      const second = await accepting(sockets.slot(0)[0], () => count++)
      await until(() => count === 2)
      second.close()
      one.destroy()
      waiting.destroy()
      sockets.close()
    },
  },
  {
    name: 'a port that another program holds is an error, whether it would share or not',
    run() {
      for (const isShared of [false, true]) {
        const other = openListenSocket(libc, { ...LOOPBACK, backlog: 1, isShared })
        assert.ok(!('error' in other))
        for (const slots of [1, 2]) {
          const { sockets } = open([other.address], slots)
          assert.ok('error' in sockets)
          assert.match(sockets.error, /^cannot listen on 127\.0\.0\.1:\d+: the port is taken.*EADDRINUSE\)$/)
        }
        closeSync(other.fd)
      }
    },
  },
  {
    name: 'an address that the machine lacks is skipped when it is a wildcard beside others, and else an error',
    run() {
      const { sockets } = open([{ ip: '203.0.113.7', port: 0 }], 2)
      assert.ok('error' in sockets)
      assert.match(sockets.error, /203\.0\.113\.7:0: this machine has no such address/)
    },
  },
  {
    name: 'handed sockets are taken as they are: more than slots, or fewer, and no queue is left out',
    run() {
      const before = opened([LOOPBACK], 3)
      const { addresses } = before
      const two = opened([LOOPBACK], 2, before.all)
      assert.deepEqual(two.addresses, addresses)
      assert.deepEqual([two.slot(0).length, two.slot(1).length], [2, 1])
      const five = opened([LOOPBACK], 5, two.all)
      assert.equal(five.all.length, 5)
      five.close()
      const alone = opened([LOOPBACK], 1)
      const shared = opened([LOOPBACK], 2, alone.all)
      assert.deepEqual(shared.slot(0), shared.slot(1))
      shared.close()
    },
  },
  {
    name: 'an address that is configured no more is given up, one that is new is opened',
    run() {
      const before = opened([LOOPBACK], 2)
      const after = opened([{ ip: '::1', port: 0 }], 2, before.all)
      assert.equal(after.addresses[0].ip, '::1')
      assert.equal(adoptListenSocket(libc, before.all[0].fd)?.address.ip === '127.0.0.1', false)
      after.close()
    },
  },
  {
    name: 'what a service manager hands over must be what is configured, and one line says what is not',
    run() {
      const wanted = openListenSocket(libc, { ...LOOPBACK, backlog: 1, isShared: false })
      assert.ok(!('error' in wanted))
      const missing = open([wanted.address, { ip: '::1', port: 4 }], 1, [wanted], true).sockets
      assert.deepEqual(missing, { error: 'LISTEN_FDS: no socket for [::1]:4 of listen.address was handed over' })
      const extra = openListenSocket(libc, { ...LOOPBACK, backlog: 1, isShared: false })
      const also = openListenSocket(libc, { ...LOOPBACK, backlog: 1, isShared: false })
      assert.ok(!('error' in extra) && !('error' in also))
      const tooMany = open([extra.address], 1, [extra, also], true).sockets
      assert.ok('error' in tooMany)
      assert.equal(
        tooMany.error,
        `LISTEN_FDS: a socket on 127.0.0.1:${also.address.port} was handed over, which listen.address lacks`,
      )
    },
  },
  {
    name: 'the variables of a service manager count for the process they name, once, and must mean sockets that listen',
    run() {
      const env: Record<string, string | undefined> = { LISTEN_PID: '77', LISTEN_FDS: '1', HOME: '/' }
      assert.deepEqual(takeInherited(openLibc, env, 78), { sockets: [], from: 'nobody' })
      assert.deepEqual(env, { HOME: '/' })
      assert.deepEqual(takeInherited(openLibc, { [HANDOVER_VARIABLE]: 'sockets=0' }, 78), {
        sockets: [],
        from: 'predecessor',
      })
      // The numbers go by position, so a descriptor in the first place that is something else is found out.
      const file = openSync('/dev/null', 'r')
      assert.equal(adoptListenSocket(libc, file), undefined)
      closeSync(file)
      const listening = takeInherited(openLibc, { LISTEN_PID: '77', LISTEN_FDS: '9000' }, 77)
      assert.ok('error' in listening)
      assert.match(listening.error, /^LISTEN_FDS: descriptor \d+ is no TCP socket that listens$/)
    },
  },
]
