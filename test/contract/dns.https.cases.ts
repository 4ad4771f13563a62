import assert from 'node:assert/strict'
import type { TLSSocket } from 'node:tls'
import type { NameAnswer, Resolver } from '../../src/core/ports.ts'
import { httpsAsk } from '../../src/runtime/dns/https.ts'
import { resolverOf } from '../../src/runtime/dns/resolver.ts'
import { PinPolicy, type PinOutcome, type PinSettings } from '../../src/trust/policy.ts'
import type { Case } from './contract.ts'
import { readQuestion, writeAnswer, type Asked, type Says } from './dns.server.ts'
import { makeCa, SITE, type Identity, type LocalCa } from './pinning.ca.ts'
import { serveSite, type Site } from './pinning.site.ts'

/** DNS over HTTPS against a local site: the question as RFC 8484 writes it, and no byte of it to whom is not trusted. */

const HOST = 'www.example.com'
const GOOD: Says = { a: ['192.0.2.7'], ttl: 77 }
const EXPECTED: NameAnswer = { kind: 'addresses', ips: ['192.0.2.7'], ttlSec: 77 }

let made: LocalCa | undefined
const ca = () => (made ??= makeCa())

interface Scene {
  readonly site: Site
  readonly asked: readonly Asked[]
  readonly counts: () => Partial<Record<PinOutcome, number>>
  /** Names that the system was asked for. */
  readonly looked: readonly string[]
  readonly query: (host?: string) => Promise<NameAnswer>
  /** What the system says of the server's name from now on. */
  system: readonly string[]
}

interface Options {
  readonly mode?: PinSettings['mode']
  readonly pinned?: Identity
  readonly path?: string
  /** The bytes of the answer's body; undefined: nothing is sent. */
  readonly body?: (asked: Asked) => Buffer | undefined
}

async function withScene(options: Options, run: (scene: Scene) => Promise<void>): Promise<void> {
  const {
    mode = 'strict',
    pinned = ca().leaf,
    path = '/dns-query',
    body = (question) => writeAnswer(question, GOOD),
  } = options
  const asked: Asked[] = []
  const answer = (socket: TLSSocket) => {
    const { text } = site.visits.findLast((visit) => visit.text !== '')!
    const dns = /[?&]dns=([A-Za-z0-9_-]+) HTTP/.exec(text)?.[1]
    assert.ok(dns !== undefined)
    const question = readQuestion(Buffer.from(dns, 'base64url'))
    asked.push(question)
    const bytes = body(question)
    if (bytes !== undefined) {
      socket.write(
        `HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: ${bytes.length}\r\n\r\n`,
      )
      socket.write(bytes)
    }
  }
  const site = await serveSite({ identity: ca().leaf, version: 'TLSv1.3', answer })
  const pins = [ca().selfSigned, pinned].map((identity, i) => ({
    ...{ kind: 'spki' as const, digest: identity.pins.spki },
    ...{ fromSec: 0, untilSec: Infinity, isBackup: i === 0 },
  }))
  const policy = new PinPolicy({ mode, pins: new Map([[SITE, pins]]) }, () => {})
  const looked: string[] = []
  const system: Resolver = {
    query(host, reply) {
      looked.push(host)
      const { system: ips } = scene
      setImmediate(() => reply(ips.length > 0 ? { kind: 'addresses', ips, ttlSec: 300 } : { kind: 'failed', why: 'x' }))
    },
  }
  const trust = { policy, wall: () => 1_800_000_000 }
  const extra = { timeoutMs: 600, tls: { ca: [ca().root.certificate] } }
  const oneByOne = httpsAsk(`https://${SITE}:${site.port}${path}`, trust, extra, system)
  const resolver = resolverOf(oneByOne)
  const scene: Scene = {
    ...{ site, asked, looked, system: ['127.0.0.1'] },
    counts: () => Object.fromEntries(policy.counts().map(({ outcome, count }) => [outcome, count])),
    query: (host = HOST) => new Promise((resolve) => resolver.query(host, resolve)),
  }
  try {
    await run(scene)
  } finally {
    site.close()
  }
}

const failed = (why: string): NameAnswer => ({ kind: 'failed', why: `${SITE} ${why}` })

function says(name: string, body: Options['body'], expected: NameAnswer): Case<void> {
  return {
    name: `DNS over HTTPS: ${name}`,
    run: () => withScene({ body }, async ({ query }) => assert.deepEqual(await query(), expected)),
  }
}

const OTHER = failed('answers with something else')

export const httpsCases: readonly Case<void>[] = [
  {
    name: 'DNS over HTTPS: one GET a question, with the id 0, on a pinned connection of its own',
    run: () =>
      withScene({}, async ({ site, asked, counts, query }) => {
        assert.deepEqual(await query(), EXPECTED)
        assert.deepEqual(asked.map(({ id, host, type }) => `${id} ${host} ${type}`).sort(), [
          `0 ${HOST} A`,
          `0 ${HOST} AAAA`,
        ])
        assert.deepEqual(counts(), { match: 2 })
        assert.equal(site.connections, 2)
        for (const { text } of site.visits) {
          assert.match(text, /^GET \/dns-query\?dns=[A-Za-z0-9_-]+ HTTP\/1\.1\r\n/)
          assert.match(text, /\r\nAccept: application\/dns-message\r\n/)
        }
      }),
  },
  {
    name: 'DNS over HTTPS: a query of the URL stays in front',
    run: () =>
      withScene({ path: '/q?ct=1' }, async ({ site, query }) => {
        assert.deepEqual(await query(), EXPECTED)
        assert.match(site.visits[0].text, /^GET \/q\?ct=1&dns=/)
      }),
  },
  says('no such name', (asked) => writeAnswer(asked, { rcode: 3 }), { kind: 'no-address' }),
  says('a server in trouble', (asked) => writeAnswer(asked, { rcode: 2 }), failed('answers SERVFAIL')),
  says('another id', (asked) => writeAnswer(asked, { ...GOOD, idXor: 1 }), OTHER),
  says(
    'another question',
    (asked) => writeAnswer({ ...asked, question: Buffer.from('0161000001000100', 'hex') }, GOOD),
    OTHER,
  ),
  says('garbage', () => Buffer.alloc(100, 0xff), OTHER),
  says('half an answer', (asked) => writeAnswer(asked, GOOD).subarray(0, 40), OTHER),
  says('no byte at all', () => Buffer.alloc(0), OTHER),
  says('a truncated answer', (asked) => writeAnswer(asked, { isTruncated: true }), OTHER),
  says('more than it may', () => Buffer.alloc(4097), failed('answers with more than 4096 bytes')),
  says('nothing in time', () => undefined, failed('took longer than 600 ms')),
  {
    name: 'DNS over HTTPS: without a pin of the chain no byte of a question goes out',
    run: () =>
      withScene({ pinned: ca().otherRoot }, async ({ site, counts, query }) => {
        assert.equal((await query()).kind, 'failed')
        await site.quiet()
        assert.deepEqual([site.visits.map(({ text }) => text).join(''), counts()], ['', { mismatch: 2 }])
      }),
  },
  {
    name: 'DNS over HTTPS: strict pinning without a backup contacts nobody, and looks nobody up',
    run: () =>
      withScene({ pinned: ca().selfSigned }, async ({ site, looked, counts, query }) => {
        assert.match(JSON.stringify(await query()), /is not contacted/)
        assert.deepEqual([site.connections, looked, counts()], [0, [], { 'too-few-pins': 2 }])
      }),
  },
  {
    name: 'DNS over HTTPS: the name of the server is looked up by the system, once while it can be reached',
    run: () =>
      withScene({}, async (scene) => {
        await scene.query()
        const first = scene.looked.length
        assert.ok(first <= 2 && scene.looked.every((host) => host === SITE))
        scene.system = []
        for (let i = 0; i < 3; i++) assert.deepEqual(await scene.query(), EXPECTED)
        assert.equal(scene.looked.length, first)
      }),
  },
  {
    name: 'DNS over HTTPS: a server out of reach is looked up anew, and its old address serves where that fails',
    run: () =>
      withScene({}, async (scene) => {
        scene.system = []
        assert.deepEqual(await scene.query(), failed('has no address'))
        scene.system = ['127.0.0.1']
        assert.deepEqual(await scene.query(), EXPECTED)
        scene.site.close()
        assert.deepEqual(await scene.query(), failed('cannot be reached (ECONNREFUSED)'))
        const before = scene.looked.length
        scene.system = []
        assert.deepEqual(await scene.query(), failed('cannot be reached (ECONNREFUSED)'))
        assert.equal(scene.looked.length, before + 2)
      }),
  },
  {
    name: 'DNS over HTTPS: an address of the server that is dead is passed over',
    run: () =>
      withScene({}, async (scene) => {
        scene.system = ['127.0.0.9', '127.0.0.1']
        assert.deepEqual(await scene.query(), EXPECTED)
      }),
  },
]
