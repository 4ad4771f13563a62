import type { Address, Connection, Handler, Network } from '../../../src/core/ports.ts'
import { dialBySocks5 } from '../../../src/core/telegram/socks5.ts'
import { concat } from '../../../src/core/protocol/bytes.ts'
import { pieces } from '../cuts.ts'
import { must, mustBeSame, type Target } from '../target.ts'
import { hex } from './vectors.ts'

const DC: Address = { ip: '149.154.167.50', port: 443 }
const SERVER: Address = { ip: '192.0.2.1', port: 1080 }
const CONNECT = hex('05010001959aa73201bb')

/** What a SOCKS5 server answers. First byte: bit 0, whether we have a user; what follows its answers is the DC's. */
export const target: Target = {
  bytesMax: 600,
  seeds: () =>
    [
      ...['00' + '0500' + '05000001000000000000' + '616263', '01' + '0502' + '0100' + '050000030161' + '0000' + '61'],
      ...['01' + '0500' + '0500000400000000000000000000000000000000' + '0000', '00' + '05ff', '01' + '0502' + '0101'],
      ...['00' + '0500' + '05050001000000000000', '00' + '0500' + `05000003ff${'61'.repeat(255)}0000`],
    ].map(hex),
  run(input) {
    const hasUser = ((input[0] ?? 0) & 1) === 1
    const [whole, cut] = [talk([input.slice(1)], hasUser), talk(pieces(input.subarray(1)), hasUser)]
    mustBeSame(cut, whole, 'a talk in pieces')
    must(whole.opened + whole.failed.length <= 1, 'it ended twice')
    mustBeSame(whole, modelOf(input.subarray(1), hasUser), 'a talk')
    return whole
  },
}

interface Talk {
  readonly opened: number
  readonly failed: readonly string[]
  readonly isReset: boolean
  readonly written: Uint8Array
  /** Of the DC. */
  readonly passed: Uint8Array
}

function talk(chunks: readonly Uint8Array[], hasUser: boolean): Talk {
  const [written, passed, failed]: [Uint8Array[], Uint8Array[], string[]] = [[], [], []]
  let [opened, isReset] = [0, false]
  let open: ((connection: Connection) => Handler) | undefined
  const network: Network = {
    readMaxBytes: 1024,
    ownAddresses: () => [],
    dial(_, dialing) {
      open = (connection) => dialing.onOpen(connection)
      return { cancel() {} }
    },
  }
  const behind: Handler = { onData: (chunk) => void passed.push(chunk.slice()), onDrain() {}, onEnd() {}, onClose() {} }
  dialBySocks5(network, { server: SERVER, user: hasUser ? 'mé' : '', password: hasUser ? 'pass' : '' }, DC, {
    onOpen() {
      opened++
      return behind
    },
    onFail: (why) => void failed.push(why),
  })
  const connection: Connection = {
    ...{ handler: behind, remote: SERVER, local: SERVER },
    write(bytes) {
      written.push(bytes.slice())
      return bytes.length
    },
    reset: () => void (isReset = true),
    ...{ end() {}, pause() {}, resume() {}, close() {} },
  }
  if (open !== undefined) connection.handler = open(connection)
  for (const chunk of chunks) if (!isReset) connection.handler.onData(chunk)
  return { opened, failed, isReset, written: concat(...written), passed: concat(...passed) }
}

/** By the words of RFC 1928 and 1929. */
function modelOf(bytes: Uint8Array, hasUser: boolean): Talk {
  const sent: Uint8Array[] = [Uint8Array.of(5, 1, hasUser ? 2 : 0)]
  const is = (opened: number, passed = new Uint8Array(0)): Talk => {
    return { opened, failed: [], isReset: false, written: concat(...sent), passed }
  }
  const fails = (): Talk => ({ ...is(0), failed: ['refused'], isReset: true })
  if (bytes.length < 2) return is(0)
  const isAsked = hasUser && bytes[1] === 2
  if (bytes[0] !== 5 || (bytes[1] !== 0 && !isAsked)) return fails()
  let rest = bytes.subarray(2)
  if (isAsked) {
    sent.push(hex('01036dc3a90470617373'))
    if (rest.length < 2) return is(0)
    if (rest[1] !== 0) return fails()
    rest = rest.subarray(2)
  }
  sent.push(CONNECT)
  if (rest.length < 5) return is(0)
  const length = { 1: 10, 3: 7 + rest[4], 4: 22 }[rest[3]]
  if (rest[0] !== 5 || rest[1] !== 0 || length === undefined) return fails()
  return rest.length < length ? is(0) : is(1, rest.slice(length))
}
