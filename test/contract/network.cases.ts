import assert from 'node:assert/strict'
import type { Connection, DialFailure, Handler } from '../../src/core/ports.ts'
import type { Case } from './contract.ts'
import { connectPair, dial, Peer, type NetworkSubject } from './network.subject.ts'

/** What every `Network` promises: the doc comments of `core/ports.ts`, one by one. */

const KB = 1024
const MB = 1024 * KB
const BURSTS = [
  { name: '64 KB', bytes: 64 * KB },
  { name: '1 MB', bytes: MB },
  { name: '8 MB', bytes: 8 * MB },
]

const TRANSFER: readonly Case<NetworkSubject>[] = [
  {
    name: 'bytes sent come back from an echo',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      accepted.onChunk = (length) => accepted.send(length)
      dialled.send(1000)
      await subject.until('the echo is back', () => dialled.received === 1000)
      noBreach(dialled, accepted)
    },
  },
  ...BURSTS.map(({ name, bytes }) => ({
    name: `a burst of ${name} arrives whole, both ways at once`,
    async run(subject: NetworkSubject) {
      const { dialled, accepted } = await connectPair(subject)
      dialled.send(bytes)
      accepted.send(bytes)
      await subject.until('both bursts arrived', () => dialled.received === bytes && accepted.received === bytes)
      noBreach(dialled, accepted)
    },
  })),
  ...BURSTS.map(({ name, bytes }) => ({
    name: `a burst of ${name} to a reader that pauses at every chunk arrives whole, both ways at once`,
    async run(subject: NetworkSubject) {
      const { dialled, accepted } = await connectPair(subject)
      for (const peer of [dialled, accepted]) peer.onChunk = () => peer.connection.pause()
      dialled.send(bytes, { end: true })
      accepted.send(bytes, { end: true })
      await subject.until('both bursts arrived', () => {
        for (const peer of [dialled, accepted]) peer.connection.resume()
        return dialled.events.includes('close:end') && accepted.events.includes('close:end')
      })
      assert.deepEqual([dialled.received, accepted.received], [bytes, bytes])
      noBreach(dialled, accepted)
    },
  })),
  {
    name: 'a write to a peer that does not read takes a part, and drains when it reads again',
    async run(subject) {
      for (const direction of ['up', 'down'] as const) {
        const { dialled, accepted } = await connectPair(subject)
        const [writer, reader] = direction === 'up' ? [dialled, accepted] : [accepted, dialled]
        reader.connection.pause()
        writer.send(subject.floodBytes)
        await subject.settle()
        assert.ok(writer.partialWrites > 0, 'the flood must not fit')
        assert.ok(writer.sent < subject.floodBytes, 'the writer keeps the rest')
        const drains = writer.drains
        assert.equal(reader.received, 0)
        reader.connection.resume()
        await subject.until('all arrived', () => reader.received === subject.floodBytes)
        assert.ok(writer.drains > drains, 'the writer is told of the room')
        noBreach(dialled, accepted)
        close(dialled, accepted)
      }
    },
  },
  {
    name: 'no drain is told without a partial write',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      accepted.onChunk = (length) => accepted.send(length)
      dialled.send(5000)
      dialled.connection.pause()
      await subject.settle()
      dialled.connection.resume()
      await subject.until('the echo is back', () => dialled.received === 5000)
      assert.deepEqual([dialled.drains, accepted.drains], [0, 0])
    },
  },
  {
    name: 'a write of nothing takes nothing and does nothing',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      assert.equal(dialled.connection.write(new Uint8Array(0)), 0)
      dialled.send(10)
      await subject.until('the bytes arrived', () => accepted.received === 10)
      assert.equal(dialled.drains, 0)
    },
  },
  {
    name: 'no chunk is larger than readMaxBytes',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      accepted.connection.pause()
      dialled.connection.pause()
      dialled.send(4 * MB)
      accepted.send(4 * MB)
      await subject.settle()
      accepted.connection.resume()
      dialled.connection.resume()
      await subject.until('all arrived', () => accepted.received === 4 * MB && dialled.received === 4 * MB)
      const { readMaxBytes } = subject.network
      assert.ok(accepted.largestChunk <= readMaxBytes, `a chunk of ${accepted.largestChunk}`)
      assert.ok(dialled.largestChunk <= readMaxBytes, `a chunk of ${dialled.largestChunk}`)
    },
  },
]

const PAUSE: readonly Case<NetworkSubject>[] = [
  {
    name: 'a paused end is told neither data nor end, and both after resume',
    async run(subject) {
      for (const direction of ['up', 'down'] as const) {
        const { dialled, accepted } = await connectPair(subject)
        const [writer, reader] = direction === 'up' ? [dialled, accepted] : [accepted, dialled]
        reader.connection.pause()
        writer.send(3000, { end: true })
        await subject.settle()
        assert.deepEqual([reader.received, reader.events], [0, []])
        reader.connection.resume()
        await subject.until('the end is told', () => reader.events.length > 0)
        assert.deepEqual([reader.received, reader.events], [3000, ['end']])
        noBreach(dialled, accepted)
        close(dialled, accepted)
      }
    },
  },
  {
    name: 'an end alone is held back by a pause',
    async run(subject) {
      for (const direction of ['up', 'down'] as const) {
        const { dialled, accepted } = await connectPair(subject)
        const [writer, reader] = direction === 'up' ? [dialled, accepted] : [accepted, dialled]
        reader.connection.pause()
        writer.connection.end()
        await subject.settle()
        assert.deepEqual(reader.events, [])
        reader.connection.resume()
        await subject.until('the end is told', () => reader.events.length > 0)
        noBreach(dialled, accepted)
        close(dialled, accepted)
      }
    },
  },
  {
    name: 'a pause within onData holds from the next call on',
    async run(subject) {
      for (const direction of ['up', 'down'] as const) {
        const { dialled, accepted } = await connectPair(subject)
        const [writer, reader] = direction === 'up' ? [dialled, accepted] : [accepted, dialled]
        let chunks = 0
        reader.onChunk = () => {
          chunks++
          reader.connection.pause()
        }
        writer.send(2 * MB, { end: true })
        await subject.until('a chunk came', () => chunks === 1)
        await subject.settle()
        assert.equal(chunks, 1)
        reader.onChunk = () => {}
        reader.connection.resume()
        await subject.until('the end is told', () => reader.events.length > 0)
        assert.equal(reader.received, 2 * MB)
        noBreach(dialled, accepted)
        close(dialled, accepted)
      }
    },
  },
  {
    name: 'pause and resume may be repeated and follow each other at once',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      const { connection } = accepted
      connection.resume()
      connection.pause()
      connection.pause()
      connection.resume()
      connection.pause()
      dialled.send(100)
      await subject.settle()
      assert.equal(accepted.received, 0)
      connection.resume()
      connection.pause()
      await subject.settle()
      assert.equal(accepted.received, 0, 'a resume that was taken back brings nothing')
      connection.resume()
      await subject.until('the bytes arrived', () => accepted.received === 100)
      noBreach(dialled, accepted)
    },
  },
  {
    name: 'a connection that is paused before its owner returns from accept or onOpen stays silent',
    async run(subject) {
      const accepted = new Peer()
      const dialled = new Peer()
      const paused = (peer: Peer) => (connection: Connection) => {
        connection.pause()
        return peer.own(connection)
      }
      const listener = await subject.listen(paused(accepted))
      subject.network.dial(listener.address, { onOpen: paused(dialled), onFail: fail })
      await subject.until('both ends are there', () => dialled.isConnected && accepted.isConnected)
      dialled.send(100)
      accepted.send(100)
      await subject.settle()
      assert.deepEqual([dialled.received, accepted.received], [0, 0])
      dialled.connection.resume()
      accepted.connection.resume()
      await subject.until('the bytes arrived', () => dialled.received === 100 && accepted.received === 100)
      listener.close()
    },
  },
  {
    name: 'a paused end still writes, and is told of a drain',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      dialled.connection.pause()
      accepted.connection.pause()
      dialled.send(subject.floodBytes)
      await subject.settle()
      accepted.connection.resume()
      await subject.until('all arrived', () => accepted.received === subject.floodBytes)
      assert.ok(dialled.drains > 0)
      noBreach(dialled, accepted)
    },
  },
]

const ENDINGS: readonly Case<NetworkSubject>[] = [
  {
    name: 'after an end the other direction goes on, whoever ended',
    async run(subject) {
      for (const first of ['dialled', 'accepted'] as const) {
        const pair = await connectPair(subject)
        const [ended, other] = first === 'dialled' ? [pair.dialled, pair.accepted] : [pair.accepted, pair.dialled]
        ended.send(500, { end: true })
        await subject.until('the end is told', () => other.events.includes('end'))
        assert.equal(other.received, 500)
        other.send(MB, { end: true })
        await subject.until('both are told of the close', () => isClosed(ended) && isClosed(other))
        assert.equal(ended.received, MB)
        assert.deepEqual(ended.events, ['end', 'close:end'])
        assert.deepEqual(other.events, ['end', 'close:end'])
        noBreach(pair.dialled, pair.accepted)
      }
    },
  },
  {
    name: 'bytes that wait when their sender ends arrive before the end',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      for (const peer of [dialled, accepted]) peer.connection.pause()
      for (const peer of [dialled, accepted]) peer.send(subject.floodBytes, { end: true })
      await subject.settle()
      for (const peer of [dialled, accepted]) peer.connection.resume()
      await subject.until('both are told of the close', () => isClosed(dialled) && isClosed(accepted))
      assert.deepEqual([dialled.received, accepted.received], [subject.floodBytes, subject.floodBytes])
      assert.deepEqual(
        [dialled.events, accepted.events],
        [
          ['end', 'close:end'],
          ['end', 'close:end'],
        ],
      )
      noBreach(dialled, accepted)
    },
  },
  {
    name: 'an end after a partial write sends what was taken, and nothing more is taken or drained',
    async run(subject) {
      for (const direction of ['up', 'down'] as const) {
        const { dialled, accepted } = await connectPair(subject)
        const [writer, reader] = direction === 'up' ? [dialled, accepted] : [accepted, dialled]
        reader.connection.pause()
        writer.send(subject.floodBytes)
        assert.ok(writer.partialWrites > 0)
        writer.connection.end()
        const { sent, drains } = writer
        assert.equal(writer.connection.write(new Uint8Array(10)), 0)
        reader.connection.resume()
        await subject.until('the end is told', () => reader.events.includes('end'))
        await subject.settle()
        assert.deepEqual([reader.received, writer.sent, writer.drains], [sent, sent, drains])
        noBreach(dialled, accepted)
        close(dialled, accepted)
      }
    },
  },
  {
    name: 'an answer given within onEnd arrives',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      accepted.onEnded = () => accepted.send(100, { end: true })
      dialled.send(100, { end: true })
      await subject.until('both are told of the close', () => isClosed(dialled) && isClosed(accepted))
      assert.equal(dialled.received, 100)
      noBreach(dialled, accepted)
    },
  },
  {
    name: 'an end on both sides while one is paused keeps its bytes and its end for the resume',
    async run(subject) {
      for (const direction of ['up', 'down'] as const) {
        const { dialled, accepted } = await connectPair(subject)
        const [writer, reader] = direction === 'up' ? [dialled, accepted] : [accepted, dialled]
        reader.connection.pause()
        reader.connection.end()
        await subject.until('the end is told', () => writer.events.includes('end'))
        writer.send(700, { end: true })
        await subject.settle()
        assert.deepEqual([reader.received, reader.events], [0, []])
        reader.connection.resume()
        await subject.until('the close is told', () => isClosed(reader))
        assert.deepEqual([reader.received, reader.events], [700, ['end', 'close:end']])
        noBreach(dialled, accepted)
      }
    },
  },
  {
    name: "a peer's reset is told as 'reset'",
    async run(subject) {
      for (const first of ['dialled', 'accepted'] as const) {
        const pair = await connectPair(subject)
        const [resetting, other] = first === 'dialled' ? [pair.dialled, pair.accepted] : [pair.accepted, pair.dialled]
        resetting.connection.reset()
        await subject.until('the close is told', () => isClosed(other))
        await subject.settle()
        assert.deepEqual([other.events, resetting.events], [['close:reset'], []])
        assert.equal(other.connection.write(new Uint8Array(10)), 0)
        noBreach(pair.dialled, pair.accepted)
      }
    },
  },
  {
    name: 'a reset with bytes that wait both ways is told to a reading peer',
    async run(subject) {
      for (const first of ['dialled', 'accepted'] as const) {
        const pair = await connectPair(subject)
        const [resetting, other] = first === 'dialled' ? [pair.dialled, pair.accepted] : [pair.accepted, pair.dialled]
        resetting.connection.pause()
        other.send(subject.floodBytes)
        resetting.send(4 * MB)
        resetting.connection.reset()
        await subject.until('the close is told', () => isClosed(other))
        assert.equal(other.events.at(-1), 'close:reset')
        noBreach(pair.dialled, pair.accepted)
      }
    },
  },
  {
    name: 'a reset right behind an end is told to the peer, at the latest when it writes',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      dialled.send(100, { end: true })
      dialled.connection.reset()
      await subject.settle()
      // Once it has read the end, a runtime may not look at the socket until there is something to write.
      await subject.until('the close is told', () => {
        accepted.connection.write(new Uint8Array(1))
        return isClosed(accepted)
      })
      await subject.settle()
      assert.equal(accepted.events.at(-1), 'close:reset')
      assert.deepEqual(dialled.events, [])
    },
  },
  {
    name: 'a reset after an end that waits behind bytes comes at once, without the end',
    async run(subject) {
      for (const first of ['dialled', 'accepted'] as const) {
        const pair = await connectPair(subject)
        const [resetting, other] = first === 'dialled' ? [pair.dialled, pair.accepted] : [pair.accepted, pair.dialled]
        other.connection.pause()
        resetting.send(subject.floodBytes)
        resetting.connection.end()
        await subject.settle()
        resetting.connection.reset()
        await subject.settle()
        other.connection.resume()
        await subject.until('the close is told', () => isClosed(other))
        assert.deepEqual([other.events, resetting.events], [['close:reset'], []])
        noBreach(pair.dialled, pair.accepted)
      }
    },
  },
  {
    name: "a peer's reset while its bytes wait behind a pause is told at the latest after resume",
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      accepted.connection.pause()
      dialled.send(1000)
      await subject.settle()
      dialled.connection.reset()
      await subject.settle()
      assert.equal(accepted.received, 0, 'no data while paused')
      accepted.connection.resume()
      await subject.until('the close is told', () => isClosed(accepted))
      assert.deepEqual(accepted.events, ['close:reset'])
      noBreach(dialled, accepted)
    },
  },
  {
    name: 'a write to a peer that reset is told as a close, never as an exception',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      accepted.connection.pause()
      dialled.connection.reset()
      for (let i = 0; i < 3; i++) accepted.connection.write(new Uint8Array(100))
      assert.deepEqual(accepted.events, [], 'nothing is told within our call')
      accepted.connection.resume()
      await subject.until('the close is told', () => isClosed(accepted))
      await subject.settle()
      assert.deepEqual(accepted.events, ['close:reset'])
      noBreach(dialled, accepted)
    },
  },
  {
    name: 'a close with nothing unread looks like an end to the peer, and what was taken still arrives',
    async run(subject) {
      for (const first of ['dialled', 'accepted'] as const) {
        const pair = await connectPair(subject)
        const [closing, other] = first === 'dialled' ? [pair.dialled, pair.accepted] : [pair.accepted, pair.dialled]
        other.connection.pause()
        closing.send(subject.floodBytes)
        const { sent } = closing
        closing.connection.close()
        await subject.settle()
        other.connection.resume()
        await subject.until('the end is told', () => other.events.includes('end'))
        assert.equal(other.received, sent)
        other.connection.end()
        await subject.until('the close is told', () => isClosed(other))
        assert.deepEqual(other.events, ['end', 'close:end'])
        assert.deepEqual(closing.events, [])
        noBreach(pair.dialled, pair.accepted)
      }
    },
  },
  ...(['close', 'reset'] as const).map((how) => ({
    name: `after our ${how} nothing is told and nothing is taken, whatever the peer does`,
    async run(subject: NetworkSubject) {
      for (const first of ['dialled', 'accepted'] as const) {
        const pair = await connectPair(subject)
        const [gone, other] = first === 'dialled' ? [pair.dialled, pair.accepted] : [pair.accepted, pair.dialled]
        gone.send(100)
        gone.connection[how]()
        other.send(MB, { end: true })
        await subject.settle()
        assert.deepEqual([gone.received, gone.drains, gone.events], [0, 0, []])
        useAfterEnd(gone.connection)
        await subject.settle()
        assert.deepEqual(gone.events, [])
        close(other)
      }
    },
  })),
  ...(['close', 'reset'] as const).map((how) => ({
    name: `${how} within onData, within onEnd and within onDrain is the last that happens`,
    async run(subject: NetworkSubject) {
      const inData = await connectPair(subject)
      let chunks = 0
      inData.accepted.onChunk = () => {
        chunks++
        inData.accepted.connection[how]()
      }
      inData.dialled.send(4 * MB, { end: true })
      await subject.until('a chunk came', () => chunks > 0)

      const inEnd = await connectPair(subject)
      inEnd.accepted.onEnded = () => inEnd.accepted.connection[how]()
      inEnd.dialled.connection.end()
      await subject.until('the end came', () => inEnd.accepted.events.length > 0)

      const inDrain = await connectPair(subject)
      inDrain.dialled.connection.pause()
      inDrain.accepted.send(subject.floodBytes)
      let drains = 0
      inDrain.accepted.connection.handler = {
        ...silent,
        onDrain: () => {
          drains++
          inDrain.accepted.connection[how]()
        },
        onClose: () => drains++,
      }
      inDrain.dialled.connection.resume()
      await subject.until('the drain came', () => drains > 0)

      await subject.settle()
      assert.deepEqual([chunks, inData.accepted.events], [1, []])
      assert.deepEqual(inEnd.accepted.events, ['end'])
      assert.equal(drains, 1)
      close(inData.dialled, inEnd.dialled, inDrain.dialled)
    },
  })),
  {
    name: 'after onClose the connection takes calls and does nothing',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      dialled.connection.reset()
      await subject.until('the close is told', () => isClosed(accepted))
      useAfterEnd(accepted.connection)
      await subject.settle()
      assert.deepEqual(accepted.events, ['close:reset'])
    },
  },
]

const HANDLERS: readonly Case<NetworkSubject>[] = [
  {
    name: 'a handler that is replaced within onData hears nothing more, the next one all the rest',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      const next = new Peer()
      accepted.onChunk = () => {
        next.received = accepted.received
        accepted.connection.handler = next.own(accepted.connection)
      }
      dialled.send(2 * MB, { end: true })
      await subject.until('the end is told', () => next.events.length > 0)
      assert.equal(next.received, 2 * MB)
      assert.deepEqual(accepted.events, [])
      noBreach(dialled, accepted, next)
    },
  },
  {
    name: 'a handler that is replaced while paused hears nothing of what waits',
    async run(subject) {
      const { dialled, accepted } = await connectPair(subject)
      const next = new Peer()
      accepted.connection.pause()
      dialled.send(100, { end: true })
      await subject.settle()
      accepted.connection.handler = next.own(accepted.connection)
      accepted.connection.resume()
      await subject.until('the end is told', () => next.events.length > 0)
      assert.deepEqual([accepted.received, next.received], [0, 100])
      assert.deepEqual(accepted.events, [])
    },
  },
]

const DIALS: readonly Case<NetworkSubject>[] = [
  {
    name: 'a dial to where nobody listens fails as refused, once',
    async run(subject) {
      const failures: DialFailure[] = []
      const address = await subject.closedAddress()
      subject.network.dial(address, { onOpen: unexpected, onFail: (why) => failures.push(why) })
      assert.deepEqual(failures, [], 'never before dial has returned')
      await subject.until('the dial failed', () => failures.length > 0)
      await subject.settle()
      assert.deepEqual(failures, ['refused'])
    },
  },
  {
    name: 'a dial never answers before it has returned',
    async run(subject) {
      const listener = await subject.listen(() => silent)
      let answers = 0
      let connection: Connection | undefined
      subject.network.dial(listener.address, {
        onOpen(opened) {
          answers++
          connection = opened
          return silent
        },
        onFail: fail,
      })
      assert.equal(answers, 0)
      await subject.until('the dial is answered', () => answers > 0)
      await subject.settle()
      assert.equal(answers, 1)
      connection?.close()
      listener.close()
    },
  },
  {
    name: 'a dial that is cancelled at once tells nothing',
    async run(subject) {
      let accepts = 0
      const listener = await subject.listen(() => {
        accepts++
        return silent
      })
      for (const address of [listener.address, await subject.closedAddress()]) {
        const dialing = subject.network.dial(address, { onOpen: unexpected, onFail: fail })
        dialing.cancel()
        dialing.cancel()
      }
      await subject.settle()
      assert.ok(accepts <= 1)
      listener.close()
    },
  },
  {
    name: 'a cancel after the answer changes nothing',
    async run(subject) {
      const accepted = new Peer()
      const dialled = new Peer()
      const listener = await subject.listen((connection) => accepted.own(connection))
      const open = subject.network.dial(listener.address, {
        onOpen: (connection) => dialled.own(connection),
        onFail: fail,
      })
      let hasFailed = false
      const failed = subject.network.dial(await subject.closedAddress(), {
        onOpen: unexpected,
        onFail: () => (hasFailed = true),
      })
      await subject.until('both are answered', () => dialled.isConnected && accepted.isConnected && hasFailed)
      open.cancel()
      failed.cancel()
      accepted.send(100)
      await subject.until('bytes arrive', () => dialled.received === 100)
      listener.close()
    },
  },
  {
    name: 'a connection may be written to within onOpen and within accept',
    async run(subject) {
      const accepted = new Peer()
      const dialled = new Peer()
      const sending = (peer: Peer) => (connection: Connection) => {
        peer.own(connection)
        peer.send(5000, { end: true })
        return peer
      }
      const listener = await subject.listen(sending(accepted))
      subject.network.dial(listener.address, { onOpen: sending(dialled), onFail: fail })
      await subject.until('both are closed', () => isClosed(dialled) && isClosed(accepted))
      assert.deepEqual([dialled.received, accepted.received], [5000, 5000])
      noBreach(dialled, accepted)
      listener.close()
    },
  },
  {
    name: 'a connection may be closed or reset within onOpen and within accept',
    async run(subject) {
      for (const how of ['close', 'reset'] as const) {
        const accepted = new Peer()
        const dialled = new Peer()
        const leaving = (peer: Peer) => (connection: Connection) => {
          peer.own(connection)
          connection[how]()
          return peer
        }
        const listener = await subject.listen(leaving(accepted))
        subject.network.dial(listener.address, {
          onOpen: (c) => dialled.own(c),
          onFail: () => dialled.events.push('f'),
        })
        await subject.until('the other side hears of it', () => dialled.events.length > 0)
        const other = await subject.listen((connection) => dialled.own(connection))
        let isOpen = false
        subject.network.dial(other.address, {
          onOpen(connection) {
            isOpen = true
            return leaving(accepted)(connection)
          },
          onFail: fail,
        })
        await subject.until('the dial is answered', () => isOpen)
        await subject.settle()
        assert.deepEqual([accepted.received, accepted.events], [0, []])
        close(dialled)
        listener.close()
        other.close()
      }
    },
  },
  {
    name: 'both ends agree on their addresses, over IPv4 and over IPv6',
    async run(subject) {
      for (const family of [4, 6] as const) {
        const { dialled, accepted } = await connectPair(subject, family)
        assert.deepEqual(dialled.connection.local, accepted.connection.remote)
        assert.deepEqual(dialled.connection.remote, accepted.connection.local)
        assert.equal(dialled.connection.remote.ip.includes(':'), family === 6)
        assert.ok(dialled.connection.local.port > 0)
        dialled.send(10)
        await subject.until('bytes arrive', () => accepted.received === 10)
        close(dialled, accepted)
      }
    },
  },
  {
    name: 'a closed listener keeps its connections and refuses new ones',
    async run(subject) {
      const accepted = new Peer()
      const listener = await subject.listen((connection) => accepted.own(connection))
      const dialled = await dial(subject, listener.address)
      await subject.until('the connection is accepted', () => accepted.isConnected)
      listener.close()
      listener.close()
      await subject.settle()
      let failure: DialFailure | undefined
      subject.network.dial(listener.address, { onOpen: unexpected, onFail: (why) => (failure = why) })
      await subject.until('the dial failed', () => failure !== undefined)
      assert.equal(failure, 'refused')
      dialled.send(100)
      await subject.until('bytes arrive', () => accepted.received === 100)
    },
  },
  {
    name: '500 connections at a time keep their bytes apart',
    async run(subject) {
      const accepted: Peer[] = []
      const dialled: Peer[] = []
      const listener = await subject.listen((connection) => {
        const peer = new Peer()
        accepted.push(peer)
        peer.onChunk = (length) => peer.send(length)
        return peer.own(connection)
      })
      for (let i = 0; i < 500; i++) {
        const peer = new Peer()
        dialled.push(peer)
        subject.network.dial(listener.address, {
          onOpen(connection) {
            peer.own(connection)
            peer.send(100 + i)
            return peer
          },
          onFail: fail,
        })
      }
      await subject.until('all echoes are back', () => dialled.every((peer, i) => peer.received === 100 + i))
      noBreach(...dialled, ...accepted)
      close(...dialled)
      await subject.until('all ends are told', () => accepted.every((peer) => peer.events.includes('end')))
      close(...accepted)
      listener.close()
    },
  },
]

export const networkCases: readonly Case<NetworkSubject>[] = [...TRANSFER, ...PAUSE, ...ENDINGS, ...HANDLERS, ...DIALS]

const silent: Handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} }

function isClosed(peer: Peer): boolean {
  return peer.events.at(-1)?.startsWith('close') ?? false
}

function close(...peers: readonly Peer[]): void {
  for (const peer of peers) peer.connection.close()
}

function noBreach(...peers: readonly Peer[]): void {
  for (const peer of peers) {
    assert.deepEqual(peer.breaches, [])
    assert.equal(peer.wrongAt, undefined, 'the bytes that came are the bytes that were sent')
  }
}

/** Every call that is legal and must be without effect once a connection is over. */
function useAfterEnd(connection: Connection): void {
  assert.equal(connection.write(new Uint8Array(100)), 0)
  connection.pause()
  connection.resume()
  connection.end()
  connection.close()
  connection.reset()
}

function unexpected(): Handler {
  throw new Error('this dial must not open')
}

function fail(why: DialFailure | void): void {
  throw new Error(`this dial must not fail: ${why ?? ''}`)
}
