import assert from 'node:assert/strict'
import type { NameAnswer, Resolver } from '../../src/core/ports.ts'
import { createResolver, systemResolver } from '../../src/runtime/dns/index.ts'
import { askPlain } from '../../src/runtime/dns/plain.ts'
import { inTurn, resolverOf } from '../../src/runtime/dns/resolver.ts'
import { PinPolicy } from '../../src/trust/policy.ts'
import type { Case } from './contract.ts'
import { httpsCases } from './dns.https.cases.ts'
import { serveDns, writeAnswer, writeName, type Asked, type LocalDns, type Says } from './dns.server.ts'

/** What a `Resolver` promises, of the system's one and of plain servers; by HTTPS see beside. */

const HOST = 'www.example.com'
const IPV4 = '192.0.2.7'
const IPV6 = '2001:db8::7'
const IPV6_HEX = '20010db8000000000000000000000007'
const GOOD: Says = { a: [IPV4], aaaa: [IPV6_HEX] }
const TIMES = { resendMs: 100, timeoutMs: 400 }
const BOTH: NameAnswer = { kind: 'addresses', ips: [IPV4, IPV6], ttlSec: 300 }

function ask(resolver: Resolver, host = HOST): Promise<NameAnswer> {
  return new Promise((resolve, reject) => {
    let hasReturned = false
    resolver.query(host, (answer) => (hasReturned ? resolve(answer) : reject(new Error('answered at once'))))
    hasReturned = true
  })
}

async function withDns(
  udp: Parameters<typeof serveDns>[0],
  run: (dns: LocalDns, resolver: Resolver) => Promise<void>,
  tcp?: Parameters<typeof serveDns>[1],
): Promise<void> {
  const dns = await serveDns(udp, tcp)
  try {
    await run(
      dns,
      resolverOf((host, type) => askPlain(dns.address, host, type, TIMES)),
    )
  } finally {
    dns.close()
  }
}

function plain(
  name: string,
  says: Says | ((asked: Asked) => Says),
  expected: NameAnswer | ((dns: LocalDns) => NameAnswer),
): Case<void> {
  return {
    name: `plain: ${name}`,
    run: () =>
      withDns(
        (asked) => [writeAnswer(asked, typeof says === 'function' ? says(asked) : says)],
        async (dns, resolver) => {
          assert.deepEqual(await ask(resolver), typeof expected === 'function' ? expected(dns) : expected)
        },
      ),
  }
}

const failedAt =
  (why: string) =>
  (dns: LocalDns): NameAnswer => ({ kind: 'failed', why: `127.0.0.1:${dns.address.port} ${why}` })
const forType = (type: Asked['type'], one: Says, other: Says) => (asked: Asked) => (asked.type === type ? one : other)
const withLength = (message: Buffer) => Buffer.concat([Buffer.of(message.length >> 8, message.length & 255), message])

const PLAIN: readonly Case<void>[] = [
  plain(
    'both families, IPv4 first, for the shorter of their times',
    forType('A', { ...GOOD, ttl: 900 }, { ...GOOD, ttl: 60 }),
    {
      ...BOTH,
      ttlSec: 60,
    },
  ),
  plain('IPv4 alone', { a: [IPV4] }, { kind: 'addresses', ips: [IPV4], ttlSec: 300 }),
  plain('IPv6 alone', { aaaa: [IPV6_HEX] }, { kind: 'addresses', ips: [IPV6], ttlSec: 300 }),
  plain('no address of either family', {}, { kind: 'no-address' }),
  plain('no such name', { rcode: 3 }, { kind: 'no-address' }),
  plain('a server in trouble', { rcode: 2 }, failedAt('answers SERVFAIL')),
  plain('a server that refuses', { rcode: 5 }, failedAt('answers REFUSED')),
  plain('a server that knows no AAAA', forType('AAAA', { rcode: 4 }, GOOD), {
    kind: 'addresses',
    ips: [IPV4],
    ttlSec: 300,
  }),
  plain('a server that fails for A alone has failed', forType('A', { rcode: 2 }, GOOD), failedAt('answers SERVFAIL')),
  plain('a time beyond 31 bits is none', { ...GOOD, ttl: 0x8000_0000 }, { ...BOTH, ttlSec: 0 }),
  plain('a mapped address is an IPv4 one', forType('AAAA', { aaaa: ['00000000000000000000ffff0a000001'] }, {}), {
    kind: 'addresses',
    ips: ['10.0.0.1'],
    ttlSec: 300,
  }),
  plain(
    'aliases are followed, and the shortest time counts',
    {
      ...GOOD,
      aliases: [
        { name: 'a.example.net', ttl: 45 },
        { name: 'B.example.net', ttl: 900 },
      ],
    },
    { ...BOTH, ttlSec: 45 },
  ),
  plain('aliases in a circle', { aliases: [{ name: HOST, ttl: 1 }] }, failedAt('answers with aliases without end')),
  plain('records of another name count for nothing', { ...GOOD, owner: 'other.example.com' }, { kind: 'no-address' }),
  plain(
    'no more than sixteen addresses are taken',
    { a: Array.from({ length: 28 }, (_, i) => `192.0.2.${i}`) },
    {
      kind: 'addresses',
      ips: Array.from({ length: 16 }, (_, i) => `192.0.2.${i}`),
      ttlSec: 300,
    },
  ),
  ...(
    [
      ['another id', { idXor: 1 }],
      [
        'another question',
        { question: Buffer.concat([writeName('other.example.com'), Buffer.from('00010001', 'hex')]) },
      ],
      ['another type in its question', { question: Buffer.concat([writeName(HOST), Buffer.from('00100001', 'hex')]) }],
      ['no response', { isQuery: true }],
    ] satisfies [string, Says][]
  ).flatMap(([name, wrong]) => [
    plain(`a message with ${name} is no answer`, { ...GOOD, ...wrong }, failedAt('took longer than 400 ms')),
    {
      name: `plain: a message with ${name} does not keep the right answer out`,
      run: () =>
        withDns(
          (asked) => [writeAnswer(asked, { a: ['203.0.113.66'], ...wrong }), writeAnswer(asked, GOOD)],
          async (_, resolver) => assert.deepEqual(await ask(resolver), BOTH),
        ),
    },
  ]),
  {
    name: 'plain: garbage of any length is passed over',
    run: () =>
      withDns(
        (asked) => {
          const whole = writeAnswer(asked, GOOD)
          const loop = Buffer.concat([whole.subarray(0, 12), Buffer.from('c00c00010001', 'hex')])
          const cut = Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length))
          return [Buffer.alloc(0), Buffer.alloc(600, 0xff), loop, ...cut, whole]
        },
        async (_, resolver) => assert.deepEqual(await ask(resolver), BOTH),
      ),
  },
  {
    name: 'plain: a lost question is sent again',
    run: () =>
      withDns(
        (asked, count) => (count <= 2 ? [] : [writeAnswer(asked, GOOD)]),
        async (dns, resolver) => {
          assert.deepEqual(await ask(resolver), BOTH)
          assert.equal(dns.asked.length, 4)
        },
      ),
  },
  {
    name: 'plain: a silent server has its time, a closed port none',
    run: () =>
      withDns(
        () => [],
        async (dns, resolver) => {
          assert.deepEqual(await ask(resolver), failedAt('took longer than 400 ms')(dns))
          dns.close()
          const refused = await ask(resolver)
          assert.deepEqual(refused, failedAt('cannot be reached (ECONNREFUSED)')(dns))
        },
      ),
  },
  {
    name: 'plain: every question has an id and a port of its own',
    run: () =>
      withDns(
        (asked) => [writeAnswer(asked, GOOD)],
        async (dns, resolver) => {
          for (let i = 0; i < 16; i++) await ask(resolver)
          assert.equal(dns.asked.length, 32)
          // Equal ones among 32 of 65,536 are rare, twenty of them are no chance.
          assert.ok(new Set(dns.asked.map(({ id }) => id)).size > 28)
          assert.ok(new Set(dns.asked.map(({ fromPort }) => fromPort)).size > 12)
        },
      ),
  },
  ...(
    [
      ['a whole answer', (asked: Asked) => withLength(writeAnswer(asked, GOOD)), () => BOTH],
      [
        'another question',
        (asked: Asked) => withLength(writeAnswer(asked, { idXor: 1 })),
        failedAt('answers with something else'),
      ],
      ['too much', () => Buffer.of(0x10, 0x01), failedAt('answers with more than 4096 bytes')],
      ['nothing', () => undefined, failedAt('took longer than 400 ms')],
      [
        'half an answer',
        (asked: Asked) => withLength(writeAnswer(asked, GOOD)).subarray(0, 30),
        failedAt('took longer than 400 ms'),
      ],
    ] as [string, (asked: Asked) => Buffer | undefined, (dns: LocalDns) => NameAnswer][]
  ).map(([name, tcp, expected]) => ({
    name: `plain: what is too long for UDP is asked for by TCP, which brings ${name}`,
    run: () =>
      withDns(
        (asked) => [writeAnswer(asked, { isTruncated: true })],
        async (dns, resolver) => {
          assert.deepEqual(await ask(resolver), expected(dns))
          assert.deepEqual(dns.asked.map(({ by }) => by).sort(), ['tcp', 'tcp', 'udp', 'udp'])
        },
        tcp,
      ),
  })),
  {
    name: 'plain: what is no host name is asked of nobody',
    run: () =>
      withDns(
        () => [],
        async (dns, resolver) => {
          for (const host of ['', `${'x'.repeat(64)}.example`, 'a..b', 'a b', '\u00fc.example'])
            assert.equal((await ask(resolver, host)).kind, 'failed')
          assert.equal(dns.asked.length, 0)
        },
      ),
  },
  {
    name: 'several servers are asked in turn, until one does not fail',
    async run() {
      const says = (answer: NameAnswer, asked: string[], name: string): Resolver => ({
        query: (_, reply) => {
          asked.push(name)
          setImmediate(() => reply(answer))
        },
      })
      const failed = (why: string): NameAnswer => ({ kind: 'failed', why })
      const [asked, none]: [string[], NameAnswer] = [[], { kind: 'no-address' }]
      assert.deepEqual(
        await ask(inTurn([says(failed('x'), asked, 'a'), says(none, asked, 'b'), says(BOTH, asked, 'c')])),
        none,
      )
      assert.deepEqual(asked, ['a', 'b'])
      assert.deepEqual(
        await ask(inTurn([says(failed('x'), asked, 'a'), says(failed('y'), asked, 'b')])),
        failed('x; y'),
      )
    },
  },
  {
    name: 'the servers of the configuration are asked, and none but those',
    run: () =>
      withDns(
        (asked) => [writeAnswer(asked, GOOD)],
        async (dns) => {
          const policy = new PinPolicy({ mode: 'off', pins: new Map() }, () => {})
          const trust = { policy, wall: () => 0 }
          const resolver = createResolver([{ kind: 'plain', address: dns.address }], trust)
          assert.deepEqual(await ask(resolver, 'localhost'), BOTH)
          assert.equal(createResolver([], trust), systemResolver)
        },
      ),
  },
]

const SYSTEM: readonly Case<void>[] = [
  {
    name: 'system: names have addresses for five minutes, and unknown ones none',
    async run() {
      const localhost = await ask(systemResolver, 'localhost')
      assert.ok(localhost.kind === 'addresses' && localhost.ttlSec === 300)
      assert.ok(localhost.ips.includes('127.0.0.1') || localhost.ips.includes('::1'))
      assert.deepEqual(await ask(systemResolver, ''), { kind: 'no-address' })
      // Without a server that could be asked nobody can say.
      assert.notEqual((await ask(systemResolver, 'no-such-host.invalid')).kind, 'addresses')
    },
  },
]

export const dnsCases: readonly Case<void>[] = [...SYSTEM, ...PLAIN, ...httpsCases]
