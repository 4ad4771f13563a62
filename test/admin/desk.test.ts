import { describe, expect, it } from 'vitest'
import { answerCommand, type Control } from '../../src/admin/commands.ts'
import { Desk, type AskAll, type DeskOptions } from '../../src/admin/desk.ts'
import { inspectionOf, type Inspection } from '../../src/admin/inspect.ts'
import type { Proxy, SessionView } from '../../src/core/proxy.ts'
import { SecurityEvents } from '../../src/observe/security-events.ts'

const CLOCK = { mono: () => 100_000, wall: () => 1_800_000_000 }

const view = (id: number, ip: string, rest: Partial<SessionView> = {}): SessionView => ({
  ...{ id, clientAddress: { ip, port: 4000 + id }, user: undefined, mode: undefined, dc: undefined, way: undefined },
  ...{
    level: 'standard',
    openedAt: 100_000 - id * 1000,
    fromClientBytes: id,
    toClientBytes: 0,
    stage: { name: 'hello' },
  },
  ...rest,
})
const RELAYED = { user: 'ann', mode: 'padded', dc: -2, way: 'ahead', stage: { name: 'relay' } } as const

/** A worker with those connections. */
function worker(column: number, views: SessionView[], addresses: 'full' | 'none' = 'full') {
  const proxy = {
    sessions: views,
    kill(isMeant: (one: SessionView) => boolean) {
      const meant = views.filter(isMeant)
      for (const one of meant) views.splice(views.indexOf(one), 1)
      return meant.length
    },
    access: { explain: () => ({ level: column === 9 ? 'full' : 'none', by: 'list', source: 'bad.txt' }) },
  } as unknown as Proxy
  const events = new SecurityEvents({ ...CLOCK, addresses })
  return { column, views, events, inspection: inspectionOf({ proxy, column, clock: CLOCK, addresses, events }) }
}

/** A desk in front of workers; undefined stands for one that does not answer. */
function desk(
  workers: readonly { readonly column: number; readonly inspection: Inspection | undefined }[],
  note: DeskOptions['note'] = () => {},
) {
  const askAll: AskAll = (name, query) =>
    Promise.resolve(
      workers.map(({ column, inspection }) => ({ column, value: inspection?.[name](query as never) as never })),
    )
  const bans = { bans: { list: () => [] } } as unknown as DeskOptions['guard']
  const rest = { guard: bans, keeper: {}, clock: CLOCK, settings: () => ({}), note, events: undefined }
  return new Desk({ ...(rest as unknown as DeskOptions), askAll })
}

describe('the desk over several workers', () => {
  const two = () => [
    worker(0, [view(1, '192.0.2.1', RELAYED), view(5, '192.0.2.9')]),
    worker(1, [view(1, '192.0.2.77', RELAYED), view(3, '2001:db8::1', { ...RELAYED, user: 'ben' })]),
  ]

  it('lists the connections of all, in one order, and tells how many there are', async () => {
    const asked = desk(two())
    const all = await asked.sessions({ limit: 3, sort: 'age' })
    expect(all).toMatchObject({ total: 4, relaying: 3, unanswered: [] })
    expect(all.rows.map(({ id, age_sec }) => [id, age_sec])).toEqual([
      ['0.5', 5],
      ['1.3', 3],
      ['0.1', 1],
    ])
    const ids = async (query: object) =>
      (await asked.sessions({ limit: 9, sort: 'bytes', ...query })).rows.map(({ id }) => id)
    expect(await ids({})).toEqual(['0.5', '1.3', '0.1', '1.1'])
    expect(await ids({ user: 'ann' })).toEqual(['0.1', '1.1'])
    expect(await ids({ ip: '192.0.2.0/26' })).toEqual(['0.5', '0.1'])
    expect(await ids({ ip: '192.0.2.0/26', user: 'ann', sort: 'newest' })).toEqual(['0.1'])
  })

  it('tells of each what is known, with null for the rest', async () => {
    const { rows } = await desk(two()).sessions({ limit: 9, sort: 'age' })
    expect(rows[0]).toEqual({
      ...{ id: '0.5', address: '192.0.2.9:4005', user: null, mode: null, dc: null, way: null, access: 'standard' },
      ...{ stage: 'hello', age_sec: 5, client_to_dc_bytes: 5, dc_to_client_bytes: 0 },
    })
    expect(rows[1]).toMatchObject({ address: '[2001:db8::1]:4003', user: 'ben', dc: -2, way: 'ahead' })
    const hidden = await desk([worker(0, [view(1, '192.0.2.1')], 'none')]).sessions({ limit: 9, sort: 'age' })
    expect(hidden.rows[0].address).toBeNull()
  })

  it('ends those that are meant and no others, and names ids that nobody has', async () => {
    const workers = two()
    const asked = desk(workers)
    const left = () => workers.flatMap(({ column, views }) => views.map(({ id }) => `${column}.${id}`))
    expect(await asked.kill({ ids: ['1.1', '0.7'] })).toEqual({ killed: 1, missing: ['0.7'], unanswered: [] })
    expect(left()).toEqual(['0.1', '0.5', '1.3'])
    // Both must fit.
    expect(await asked.kill({ ids: ['0.1'], user: 'ben' })).toMatchObject({ killed: 0, missing: ['0.1'] })
    expect(await asked.kill({ ip: '192.0.2.0/24' })).toMatchObject({ killed: 2, missing: [] })
    expect(left()).toEqual(['1.3'])
  })

  it('names workers that do not answer', async () => {
    const [first] = two()
    const asked = desk([first, { column: 1, inspection: undefined }])
    expect(await asked.sessions({ limit: 9, sort: 'age' })).toMatchObject({ total: 2, unanswered: [1] })
    expect(await asked.access({ ip: '192.0.2.1' })).toMatchObject({ level: 'none', named: 'bad.txt', agreed: true })
    await expect(desk([{ column: 1, inspection: undefined }]).access({ ip: '192.0.2.1' })).rejects.toThrow('no worker')
  })

  it('says when workers do not agree about an address yet', async () => {
    expect(await desk([worker(0, []), worker(9, [])]).access({ ip: '192.0.2.1' })).toMatchObject({ agreed: false })
  })

  it('puts the events of all in the order of time', async () => {
    const [a, b] = two()
    a.events.emit({ kind: 'unbanned', prefix: '192.0.2.1' })
    b.events.emit({ kind: 'unbanned', prefix: '192.0.2.2' })
    const { rows } = await desk([a, b]).events({ last: 9 })
    expect(rows.map(({ worker, source }) => [worker, source])).toEqual([
      [0, '192.0.2.1'],
      [1, '192.0.2.2'],
    ])
    expect(rows[0]).not.toHaveProperty('at_ms')
    expect((await desk([a, b]).events({ last: 1 })).rows).toHaveLength(1)
  })

  it('keeps what a command did to a token among them, each act for itself', async () => {
    const [a] = two()
    const asked = desk([a], (note) => a.events.note(note))
    const act = {
      act: 'rotate',
      actor: 'uid 0',
      token: 'palisade',
      label: 'ann',
      generation: 2,
      result: 'done',
    } as const
    await asked.hsm(act)
    await asked.hsm({ ...act, generation: 3, result: 'x'.repeat(200) })
    const { rows } = await asked.events({ last: 9 })
    expect(rows.map(({ code, severity, count }) => [code, severity, count])).toEqual([
      ['hsm.rotate', 'notice', 1],
      ['hsm.rotate', 'warning', 1],
    ])
    expect(rows[0].details).toEqual({ label: 'ann', generation: 2, actor: 'uid 0', token: 'palisade', result: 'done' })
    expect(String(rows[1].details.result).length).toBeLessThan(200)
  })
})

describe('commands with arguments', () => {
  it.each([
    ['kill', {}],
    ['kill', { ids: ['x'] }],
    ['kill', { ids: Array(101).fill('0.1') }],
    ['sessions', { limit: 0, sort: 'age' }],
    ['sessions', { limit: 10 }],
    ['ban', { prefix: '192.0.2.300' }],
    ['ban', { prefix: '192.0.2.1', for_ms: 5 }],
    ['unban', {}],
    ['hsm', { act: 'sell', actor: 'uid 0', token: 'palisade', result: 'done' }],
    ['hsm', { act: 'rotate', actor: 'x'.repeat(201), token: 'palisade', result: 'done' }],
    ['access', { ip: '192.0.2.0/24' }],
    ['events', { last: 1e9 }],
    ['bans', null],
  ])('%s %j is refused with one line', async (command, args) => {
    const answer = await answerCommand(JSON.stringify({ command, args }), {} as Control)
    expect(answer).toMatchObject({ ok: false, error: expect.stringMatching(/^[^\n]+$/) as string })
  })

  it('are answered by the desk, and a fault of it is one line', async () => {
    const control = { desk: desk([worker(0, [])]) } as unknown as Control
    const answer = await answerCommand('{"command":"sessions","args":{"limit":5,"sort":"age"}}', control)
    expect(answer).toEqual({ ok: true, result: { total: 0, relaying: 0, rows: [], unanswered: [] } })
    const none = { desk: desk([]) } as unknown as Control
    const refused = await answerCommand('{"command":"access","args":{"ip":"192.0.2.1"}}', none)
    expect(refused).toEqual({ ok: false, error: 'no worker answered' })
  })
})
