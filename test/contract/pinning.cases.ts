import assert from 'node:assert/strict'
import type { TLSSocket } from 'node:tls'
import { pinnedGet, type GetOptions, type GetResult } from '../../src/runtime/https/get.ts'
import type { Pin } from '../../src/trust/pins.ts'
import { PinPolicy, type PinFailure, type PinOutcome, type PinSettings } from '../../src/trust/policy.ts'
import type { Case } from './contract.ts'
import { makeCa, SITE, type Identity, type LocalCa } from './pinning.ca.ts'
import { serveSite, takeSession, type Site, type TlsVersion } from './pinning.site.ts'

/** Pinning against a local CA: what is fetched, what is refused, and that no refused site ever sees a byte of a request. */

const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3']
const NOW = 1_800_000_000
const BODY = 'proxy_for 2 192.0.2.1:8888;\n'
const KEEP_ALIVE = `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\nConnection: keep-alive\r\n\r\n${BODY}`
const REQUEST = (port: number) =>
  `GET /config?v=1 HTTP/1.1\r\nHost: ${SITE}:${port}\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n`

let made: LocalCa | undefined
const ca = () => (made ??= makeCa())

function pin(of: Identity, more: Partial<Pin> = {}): Pin {
  const { kind = 'spki' } = more
  return { kind, digest: of.pins[kind], fromSec: 0, untilSec: Infinity, isBackup: false, ...more }
}

interface Scene {
  readonly site: Site
  readonly policy: PinPolicy
  readonly failures: PinFailure[]
  readonly get: (more?: Partial<GetOptions>) => Promise<GetResult>
}

interface SceneOptions {
  readonly version: TlsVersion
  readonly mode?: PinSettings['mode']
  /** A backup that nobody serves is always among them. */
  readonly pins: readonly Pin[]
  readonly identity?: Identity
  readonly chain?: string
  readonly answer?: (socket: TLSSocket) => void
}

async function withScene(options: SceneOptions, run: (scene: Scene) => Promise<void>): Promise<void> {
  const {
    version,
    mode = 'strict',
    identity = ca().leaf,
    chain,
    answer = (socket) => socket.write(KEEP_ALIVE),
  } = options
  const site = await serveSite({ identity, chain, version, answer })
  const failures: PinFailure[] = []
  const settings = { mode, pins: new Map([[SITE, [...options.pins, pin(ca().selfSigned, { isBackup: true })]]]) }
  const policy = new PinPolicy(settings, (failure) => failures.push(failure))
  const get = (more: Partial<GetOptions> = {}) =>
    pinnedGet(
      {
        url: `https://${SITE}:${site.port}/config?v=1`,
        resolve: (_, reply) => reply(['127.0.0.1']),
        bodyBytesMax: 1000,
        timeoutMs: 5000,
        tls: { ca: [ca().root.certificate, ca().otherRoot.certificate] },
        ...more,
      },
      { policy, wall: () => NOW },
    )
  try {
    await run({ site, policy, failures, get })
  } finally {
    site.close()
  }
}

function expectFetched(result: GetResult): void {
  assert.ok('body' in result, JSON.stringify(result))
  assert.equal(Buffer.from(result.body).toString(), BODY)
}

function expectCounts(policy: PinPolicy, expected: Partial<Record<PinOutcome, number>>, host = SITE): void {
  const counts = policy.counts().filter((count) => count.host === host)
  assert.deepEqual(Object.fromEntries(counts.map(({ outcome, count }) => [outcome, count])), expected)
}

/** The site came to its end with every visitor, and none of them asked for anything. */
async function expectNoRequest(site: Site, connections: number): Promise<void> {
  await site.quiet()
  assert.equal(site.connections, connections)
  assert.deepEqual(
    site.visits.map(({ text }) => text),
    site.visits.map(() => ''),
  )
}

interface Row {
  readonly name: string
  readonly scene: () => Omit<SceneOptions, 'version'>
  readonly outcome: PinOutcome
  readonly get?: Partial<GetOptions>
  /** Counted under another name than the site's. */
  readonly host?: string
}

const FETCHED: readonly Row[] = [
  { name: 'the key of the leaf', scene: () => ({ pins: [pin(ca().leaf)] }), outcome: 'match' },
  { name: 'the key of the intermediate', scene: () => ({ pins: [pin(ca().intermediate)] }), outcome: 'match' },
  { name: 'the key of the root', scene: () => ({ pins: [pin(ca().root)] }), outcome: 'match' },
  {
    name: 'the certificate of the leaf',
    scene: () => ({ pins: [pin(ca().leaf, { kind: 'certificate' })] }),
    outcome: 'match',
  },
  {
    name: 'the certificate of the intermediate',
    scene: () => ({ pins: [pin(ca().intermediate, { kind: 'certificate' })] }),
    outcome: 'match',
  },
  {
    name: 'an RSA key',
    scene: () => ({ pins: [pin(ca().rsaLeaf)], identity: ca().rsaLeaf }),
    outcome: 'match',
  },
  {
    name: 'a key pinned ahead of its rotation',
    scene: () => ({ pins: [pin(ca().leaf), pin(ca().nextLeaf, { isBackup: true })], identity: ca().nextLeaf }),
    outcome: 'match',
  },
  {
    name: 'within its time',
    scene: () => ({ pins: [pin(ca().leaf, { fromSec: NOW, untilSec: NOW + 1 })] }),
    outcome: 'match',
  },
  {
    name: 'one of two whose time is over',
    scene: () => ({ pins: [pin(ca().leaf, { untilSec: NOW }), pin(ca().intermediate)] }),
    outcome: 'match',
  },
  {
    name: 'a wrong pin, when it only warns',
    scene: () => ({ pins: [pin(ca().nextLeaf)], mode: 'warn' }),
    outcome: 'mismatch',
  },
  {
    name: 'a wrong pin, when pinning is off',
    scene: () => ({ pins: [pin(ca().nextLeaf)], mode: 'off' }),
    outcome: 'off',
  },
]

const other = (more: Partial<Pin> = {}) => pin(ca().otherRoot, more)

const REFUSED: readonly Row[] = [
  { name: 'a wrong pin', scene: () => ({ pins: [other()] }), outcome: 'mismatch' },
  {
    name: 'a key that was rotated and not pinned',
    scene: () => ({ pins: [pin(ca().leaf)], identity: ca().nextLeaf }),
    outcome: 'mismatch',
  },
  {
    name: 'the certificate of a key that has a new one',
    scene: () => ({ pins: [pin(ca().nextLeaf, { kind: 'certificate' })] }),
    outcome: 'mismatch',
  },
  {
    name: 'a pin whose time is over',
    scene: () => ({ pins: [pin(ca().leaf, { untilSec: NOW }), other()] }),
    outcome: 'expired',
  },
  {
    name: 'a pin whose time has not come',
    scene: () => ({ pins: [pin(ca().leaf, { fromSec: NOW + 1 }), other()] }),
    outcome: 'not-yet-valid',
  },
  {
    name: 'a namesake of the pinned intermediate, which is sent along',
    scene: () => ({
      pins: [pin(ca().intermediate)],
      identity: ca().namesakeLeaf,
      chain: ca().namesakeLeaf.chain + ca().intermediate.certificate,
    }),
    outcome: 'mismatch',
  },
  {
    name: 'a namesake of the pinned intermediate, behind which it is sent',
    scene: () => ({
      pins: [pin(ca().root)],
      identity: ca().namesakeLeaf,
      chain: ca().namesakeLeaf.chain + ca().intermediate.certificate + ca().root.certificate,
    }),
    outcome: 'mismatch',
  },
  {
    name: 'another name, pinned or not',
    scene: () => ({ pins: [pin(ca().leaf)], mode: 'warn' }),
    outcome: 'untrusted',
    host: 'other.test',
  },
  {
    name: 'a self-signed certificate, though it is pinned',
    scene: () => ({ pins: [pin(ca().selfSigned), other({ isBackup: true })], identity: ca().selfSigned }),
    outcome: 'untrusted',
  },
  {
    name: 'a self-signed certificate, when it only warns',
    scene: () => ({ pins: [], identity: ca().selfSigned, mode: 'warn' }),
    outcome: 'untrusted',
  },
  {
    name: 'a self-signed certificate, when pinning is off',
    scene: () => ({ pins: [], identity: ca().selfSigned, mode: 'off' }),
    outcome: 'untrusted',
  },
  {
    name: 'a certificate out of date, though it is pinned',
    scene: () => ({ pins: [pin(ca().expiredLeaf)], identity: ca().expiredLeaf }),
    outcome: 'untrusted',
  },
  {
    name: 'a certificate signed by what is no CA, though both are pinned',
    scene: () => ({ pins: [pin(ca().leaf), pin(ca().belowLeaf)], identity: ca().belowLeaf }),
    outcome: 'untrusted',
  },
  {
    name: 'an unknown CA, though it is pinned',
    scene: () => ({ pins: [pin(ca().leaf)] }),
    get: { tls: {} },
    outcome: 'untrusted',
  },
]

function fetchedCase(version: TlsVersion, { name, scene, outcome }: Row): Case<void> {
  return {
    name: `${version}: fetches with ${name}`,
    run: () =>
      withScene({ ...scene(), version }, async ({ site, policy, failures, get }) => {
        expectFetched(await get())
        await site.quiet()
        assert.deepEqual(
          site.visits.map(({ text }) => text),
          [REQUEST(site.port)],
        )
        expectCounts(policy, { [outcome]: 1 })
        const warnings = outcome === 'mismatch' ? [{ outcome, isRefused: false }] : []
        assert.deepEqual(
          failures.map((failure) => ({ outcome: failure.outcome, isRefused: failure.isRefused })),
          warnings,
        )
      }),
  }
}

function refusedCase(version: TlsVersion, { name, scene, outcome, get: more, host = SITE }: Row): Case<void> {
  return {
    name: `${version}: refuses ${name}`,
    run: () =>
      withScene({ ...scene(), version }, async ({ site, policy, failures, get }) => {
        const result = await get({ url: `https://${host}:${site.port}/config?v=1`, ...more })
        assert.ok('failure' in result, 'it was fetched')
        assert.equal(result.failure, outcome === 'untrusted' ? 'untrusted' : 'pin', result.message)
        await expectNoRequest(site, 1)
        expectCounts(policy, { [outcome]: 1 }, host)
        assert.deepEqual(failures, [{ host, outcome, isRefused: true, message: result.message }])
        assert.match(result.message, new RegExp(`^${host} [^\n;]{1,320}$`))
      }),
  }
}

const STRANGER = { mode: 'strict', pins: new Map() } as const

const EACH: readonly ((version: TlsVersion) => Case<void>)[] = [
  ...FETCHED.map((row) => (version: TlsVersion) => fetchedCase(version, row)),
  ...REFUSED.map((row) => (version: TlsVersion) => refusedCase(version, row)),
  (version) => ({
    name: `${version}: no connection is kept and no session taken up, so that a pin withdrawn holds at once`,
    run: () =>
      withScene({ version, pins: [pin(ca().leaf)] }, async ({ site, policy, get }) => {
        expectFetched(await get())
        expectFetched(await get())
        await site.quiet()
        policy.settings = {
          mode: 'strict',
          pins: new Map([[SITE, [other(), pin(ca().root, { isBackup: true, untilSec: 1 })]]]),
        }
        assert.equal(((await get()) as { failure: string }).failure, 'not-contacted')
        policy.settings = {
          mode: 'strict',
          pins: new Map([[SITE, [other(), pin(ca().selfSigned, { isBackup: true })]]]),
        }
        assert.equal(((await get()) as { failure: string }).failure, 'pin')
        await site.quiet()
        assert.equal(site.connections, 3)
        assert.deepEqual(
          site.visits.map(({ text, isResumed }) => [text, isResumed]),
          [[REQUEST(site.port), false], [REQUEST(site.port), false], ...site.visits.slice(2).map(() => ['', false])],
        )
      }),
  }),
  (version) => ({
    name: `${version}: a session taken up all the same is refused, with the right pin and with a wrong one`,
    run: () =>
      withScene({ version, pins: [pin(ca().leaf)] }, async ({ site, policy, failures, get }) => {
        const trusted = [ca().root.certificate]
        const session = await takeSession(site.port, trusted, SITE)
        const result = await get({ tls: { ca: trusted, session } })
        assert.equal('failure' in result && result.failure, 'untrusted')
        policy.settings = {
          mode: 'strict',
          pins: new Map([[SITE, [other(), pin(ca().selfSigned, { isBackup: true })]]]),
        }
        assert.ok('failure' in (await get({ tls: { ca: trusted, session } })))
        await site.quiet()
        assert.deepEqual(
          site.visits.map(({ text }) => text),
          ['take\r\n\r\n', ...site.visits.slice(1).map(() => '')],
        )
        assert.equal(failures[0].outcome, 'resumed')
        assert.equal(failures.length, 2)
      }),
  }),
  (version) => ({
    name: `${version}: a redirect is not followed, to the same host or another`,
    run: () =>
      withScene({ version, pins: [] }, async ({ site: elsewhere }) => {
        for (const to of [`https://${SITE}:${elsewhere.port}/`, `https://127.0.0.1:${elsewhere.port}/`, '/other'])
          for (const status of ['301 Moved', '302 Found', '307 Again', '308 Moved'])
            await withScene(
              {
                version,
                pins: [pin(ca().leaf)],
                answer: (socket) =>
                  socket.write(`HTTP/1.1 ${status}\r\nLocation: ${to}\r\nContent-Length: 2\r\n\r\nno`),
              },
              async ({ site, get }) => {
                assert.deepEqual(await get(), {
                  failure: 'status',
                  message: `${SITE} answers ${status.slice(0, 3)}: redirects are not followed`,
                })
                await site.quiet()
                assert.equal(site.connections, 1)
              },
            )
        assert.equal(elsewhere.connections, 0)
      }),
  }),
]

const ONCE: readonly Case<void>[] = [
  {
    name: 'strict: a host without two valid pins, one a backup, is not contacted, and one line says why',
    run: () =>
      withScene({ version: 'TLSv1.3', pins: [] }, async ({ site, policy, failures, get }) => {
        const expected = {
          failure: 'not-contacted',
          message: `${SITE} is not contacted: it has one valid pin, and strict pinning wants 2, one of them a backup`,
        }
        assert.deepEqual(await get(), expected)
        policy.settings = STRANGER
        assert.match(((await get()) as { message: string }).message, /no valid pin/)
        policy.settings = { mode: 'strict', pins: new Map([[SITE, [pin(ca().leaf), pin(ca().root)]]]) }
        assert.match(((await get()) as { message: string }).message, /none of its valid pins is a backup/)
        await expectNoRequest(site, 0)
        expectCounts(policy, { 'too-few-pins': 3 })
        assert.equal(failures.length, 3)
      }),
  },
  {
    name: 'the environment cannot turn validation off',
    run: () =>
      withScene({ version: 'TLSv1.3', pins: [], identity: ca().selfSigned, mode: 'off' }, async ({ site, get }) => {
        process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
        try {
          const result = await get()
          assert.equal('failure' in result && result.failure, 'untrusted')
          await expectNoRequest(site, 1)
        } finally {
          delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
        }
      }),
  },
  {
    name: 'an IP address is looked for as such in the certificate',
    run: () =>
      withScene({ version: 'TLSv1.3', pins: [], mode: 'warn' }, async ({ site, get }) => {
        const result = await get({ url: `https://127.0.0.1:${site.port}/` })
        assert.equal('failure' in result && result.failure, 'untrusted')
        await expectNoRequest(site, 1)
      }),
  },
  {
    name: 'what is no https URL is not asked for',
    run: () =>
      withScene({ version: 'TLSv1.3', pins: [], mode: 'off' }, async ({ site, get }) => {
        for (const url of [`http://${SITE}:${site.port}/`, `https://a:b@${SITE}:${site.port}/`, '', 'https://', '/x']) {
          const result = await get({ url })
          assert.equal('failure' in result && result.failure, 'bad-url')
        }
        await expectNoRequest(site, 0)
      }),
  },
  {
    name: 'a body in pieces and in chunks arrives whole, up to its bound',
    run: async () => {
      const body = 'x'.repeat(1000)
      const answer = (socket: TLSSocket) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        for (let at = 0; at < 1000; at += 100) setTimeout(() => socket.write(`64\r\n${'x'.repeat(100)}\r\n`), at / 20)
        setTimeout(() => socket.write('0\r\n\r\n'), 60)
      }
      await withScene({ version: 'TLSv1.3', pins: [pin(ca().leaf)], answer }, async ({ get }) => {
        const whole = await get()
        assert.equal('body' in whole && Buffer.from(whole.body).toString(), body)
        const cut = await get({ bodyBytesMax: 999 })
        assert.deepEqual(cut, { failure: 'too-large', message: `${SITE} answers with more than 999 bytes` })
      })
    },
  },
  {
    name: 'a site that says nothing, or too little, has its time',
    run: async () => {
      for (const answer of [
        () => {},
        (socket: TLSSocket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx'),
      ])
        await withScene({ version: 'TLSv1.3', pins: [pin(ca().leaf)], answer }, async ({ site, get }) => {
          const result = await get({ timeoutMs: 200 })
          assert.deepEqual(result, { failure: 'timeout', message: `${SITE} took longer than 200 ms` })
          await site.quiet()
        })
    },
  },
  {
    name: 'a body cut off is no body',
    run: () =>
      withScene(
        {
          version: 'TLSv1.3',
          pins: [pin(ca().leaf)],
          answer: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx'),
        },
        async ({ get }) => {
          const result = await get()
          assert.equal('failure' in result && result.failure, 'network')
        },
      ),
  },
  {
    name: 'a port where nobody listens is a network failure, and counts for nobody',
    run: () =>
      withScene({ version: 'TLSv1.3', pins: [pin(ca().leaf)] }, async ({ site, policy, failures, get }) => {
        site.close()
        const result = await get()
        assert.deepEqual(result, { failure: 'network', message: `${SITE} cannot be reached (ECONNREFUSED)` })
        assert.deepEqual([policy.counts(), failures], [[], []])
      }),
  },
]

export const pinningCases: readonly Case<void>[] = [
  ...VERSIONS.flatMap((version) => EACH.map((make) => make(version))),
  ...ONCE,
]
