import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { SeenAddress } from '../../src/core/ports.ts'
import { lookupBy } from '../../src/cli/checks/finding.ts'
import { systemResolver } from '../../src/runtime/dns/system.ts'
import { createRuntime } from '../../src/runtime/index.ts'
import { createPublicAddress } from '../../src/runtime/stun.ts'
import type { Case } from './contract.ts'
import { naming, serveStun, type StunAnswer } from './stun.server.ts'

/** What `PublicAddress` promises, towards servers on the loopback that answer in every way. */

const { random } = createRuntime()
const OUTSIDE = '198.51.100.9'
const HEADER = 20
const TRIES_MS = [40, 40, 40]

/** Asks a server that answers like this; also what it was asked. */
async function ask(answer: StunAnswer, from?: string, host = '127.0.0.1') {
  const server = await serveStun(answer)
  const found = await find(`${host}:${server.port}`, from)
  server.close()
  return { found, requests: server.requests }
}

function find(server: string, from?: string): Promise<SeenAddress | { readonly why: string }> {
  const publicAddress = createPublicAddress({ resolve: lookupBy(systemResolver), random, triesMs: TRIES_MS })
  return new Promise((resolve) => {
    let isWithin = true
    publicAddress.find({ server, family: 4, ...(from === undefined ? {} : { from }) }, (seen) => {
      assert.equal(isWithin, false, 'it answered at once')
      resolve(seen)
    })
    isWithin = false
  })
}

const good: StunAnswer = (request, { port, address }, server) =>
  server.send(naming(request, OUTSIDE, port), port, address)

export const stunCases: readonly Case<void>[] = [
  {
    name: 'tells the address that the server names, and that the port was kept',
    async run() {
      const { found, requests } = await ask(good)
      assert.deepEqual(found, { local: '127.0.0.1', ip: OUTSIDE, isPortKept: true })
      assert.equal(requests.length, 1)
      assert.equal(requests[0].length, HEADER)
    },
  },
  {
    name: 'asks from the address it is told, and by name',
    async run() {
      const { found } = await ask(good, '127.0.0.1', 'localhost')
      assert.deepEqual(found, { local: '127.0.0.1', ip: OUTSIDE, isPortKept: true })
      const elsewhere = await ask(good, '192.0.2.77')
      assert.deepEqual([elsewhere.found, elsewhere.requests.length], [{ why: 'EADDRNOTAVAIL' }, 0])
    },
  },
  {
    name: 'tells that the port was changed',
    async run() {
      const { found } = await ask((request, { port, address }, server) =>
        server.send(naming(request, OUTSIDE, port ^ 1), port, address),
      )
      assert.deepEqual(found, { local: '127.0.0.1', ip: OUTSIDE, isPortKept: false })
    },
  },
  {
    name: 'asks again when an answer is lost, with the same request',
    async run() {
      let asked = 0
      const { found, requests } = await ask((...of) => {
        if (++asked === 3) good(...of)
      })
      assert.deepEqual(found, { local: '127.0.0.1', ip: OUTSIDE, isPortKept: true })
      assert.deepEqual(requests, [requests[0], requests[0], requests[0]])
    },
  },
  {
    name: 'draws another transaction for every question',
    async run() {
      const [one, other] = [await ask(good), await ask(good)]
      assert.notDeepEqual(one.requests, other.requests)
    },
  },
  {
    name: 'gives up on silence after three tries',
    async run() {
      const { found, requests } = await ask(() => {})
      assert.deepEqual([found, requests.length], [{ why: 'no answer' }, 3])
    },
  },
  {
    name: 'does not hear an answer to another request, or garbage, and waits on for the right one',
    async run() {
      const { found } = await ask((request, sender, server) => {
        const other = naming(request, '203.0.113.66', 1)
        other[HEADER - 1] ^= 1
        server.send(other, sender.port, sender.address)
        server.send('nonsense', sender.port, sender.address)
        server.send(new Uint8Array(60_000), sender.port, sender.address)
        good(request, sender, server)
      })
      assert.deepEqual(found, { local: '127.0.0.1', ip: OUTSIDE, isPortKept: true })
    },
  },
  {
    name: 'gives up on a server that says nothing but nonsense',
    async run() {
      const { found } = await ask((_request, { port, address }, server) => {
        for (let i = 0; i < 20; i++) server.send('nonsense', port, address)
      })
      assert.deepEqual(found, { why: 'nothing it says is an answer' })
    },
  },
  {
    name: 'does not hear anybody else, not even with the right transaction',
    async run() {
      const other = createSocket('udp4')
      const { found } = await ask((request, { port, address }) =>
        other.send(naming(request, '203.0.113.66', port), port, address),
      )
      other.close()
      assert.deepEqual(found, { why: 'no answer' })
    },
  },
  {
    name: 'takes no private address',
    async run() {
      for (const ip of ['10.1.2.3', '100.64.0.1', '127.0.0.1', '0.0.0.0', '224.0.0.1']) {
        const { found } = await ask((request, { port, address }, server) =>
          server.send(naming(request, ip, port), port, address),
        )
        assert.deepEqual(found, { why: `it says ${ip}, which is no public address` })
      }
    },
  },
  {
    name: 'says so where nobody listens, where there is no such name, and where a name has no such family',
    async run() {
      const server = createSocket('udp4')
      await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve))
      const { port } = server.address()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      assert.deepEqual(await find(`127.0.0.1:${port}`), { why: 'ECONNREFUSED' })
      assert.deepEqual(await find('nobody.invalid:3478'), { why: 'no IPv4 address of it was found' })
      assert.deepEqual(await find('[::1]:3478'), { why: 'no IPv4 address of it was found' })
    },
  },
]
