import { describe, expect, it } from 'vitest'
import type { Connection, Dialing, Handler, Network } from '../../../src/core/ports.ts'
import { dialBySocks5 } from '../../../src/core/telegram/socks5.ts'
import { FakeConnection } from '../session/fake-connection.ts'

const SERVER = { ip: '192.0.2.1', port: 1080 }
const IPV4_ANSWER = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]

function negotiation(user = '', address = { ip: '149.154.167.51', port: 443 }) {
  const connection = new FakeConnection(SERVER)
  const outcome: { opened?: Connection; failed?: string } = {}
  const rest: number[] = []
  const handler: Handler = { onData: (chunk) => rest.push(...chunk), onDrain() {}, onEnd() {}, onClose() {} }
  let dialing: Dialing | undefined
  const network = { dial: (_to: unknown, given: Dialing) => ((dialing = given), { cancel() {} }) } as unknown as Network
  const dial = dialBySocks5(network, { server: SERVER, user, password: 'word' }, address, {
    onOpen: (opened) => ((outcome.opened = opened), handler),
    onFail: (why) => (outcome.failed = why),
  })
  connection.handler = dialing!.onOpen(connection)
  const say = (...bytes: number[]) => connection.handler.onData(Uint8Array.from(bytes))
  return { connection, outcome, rest, say, dial }
}

describe('dialBySocks5', () => {
  it('asks for the address and hands over, with what follows the answer', () => {
    const { connection, outcome, rest, say } = negotiation()
    expect(connection.written).toEqual([5, 1, 0])
    say(5, 0)
    expect(connection.written.slice(3)).toEqual([5, 1, 0, 1, 149, 154, 167, 51, 1, 187])
    say(...IPV4_ANSWER, 7, 8)
    expect([outcome.opened, rest]).toEqual([connection, [7, 8]])
  })

  it('gives user and password, one byte at a time', () => {
    const { connection, outcome, say } = negotiation('me')
    for (const byte of [5, 2, 1, 0, ...IPV4_ANSWER]) say(byte)
    expect(connection.written.slice(0, 13)).toEqual([5, 1, 2, 1, 2, 109, 101, 4, 119, 111, 114, 100, 5])
    expect(outcome.opened).toBe(connection)
  })

  it('gives a user of other letters as UTF-8, and counts its bytes', () => {
    const { connection, say } = negotiation('mé')
    say(5, 2)
    expect(connection.written.slice(3, 8)).toEqual([1, 3, 109, 0xc3, 0xa9])
  })

  it('asks for IPv6, and reads an answer that carries a name or an IPv6 address', () => {
    for (const answer of [
      [5, 0, 0, 3, 2, 97, 98, 0, 0],
      [5, 0, 0, 4, ...new Array<number>(18).fill(0)],
    ]) {
      const { connection, outcome, say } = negotiation('', { ip: '2001:db8::1', port: 443 })
      say(5, 0)
      expect(connection.written[6]).toBe(4)
      say(...answer)
      expect(outcome.opened).toBe(connection)
    }
  })

  it.each([
    ['no method it offered', [5, 255]],
    ['another version', [4, 0]],
    ['a refusal', [5, 0, 5, 5, 0, 1, 0]],
    ['an address of no known kind', [5, 0, 5, 0, 0, 9, 0]],
  ])('fails once on %s', (_name, bytes) => {
    const { connection, outcome, say } = negotiation()
    say(...bytes)
    say(1, 2, 3)
    expect([outcome.failed, outcome.opened, connection.gone]).toEqual(['refused', undefined, 'reset'])
  })

  it('fails when the password is wrong, the server ends, or the connection breaks', () => {
    const wrong = negotiation('me')
    wrong.say(5, 2, 1, 1)
    const ended = negotiation()
    ended.connection.handler.onEnd()
    const broken = negotiation()
    broken.connection.handler.onClose('reset')
    expect([wrong, ended, broken].map(({ outcome }) => outcome.failed)).toEqual(['refused', 'refused', 'error'])
  })

  it('says nothing more once it is cancelled', () => {
    const { connection, outcome, say, dial } = negotiation()
    dial.cancel()
    say(5, 0)
    expect([outcome, connection.gone]).toEqual([{}, 'reset'])
  })
})
