import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { LINE_BYTES_MAX } from '../../src/workers/lines.ts'
import { Peer, type Service } from '../../src/workers/peer.ts'

interface Side {
  readonly peer: Peer
  readonly wrote: string[]
  readonly notes: unknown[]
  isClosed: boolean
  ends: number
}

function side(services: Readonly<Record<string, Service>> = {}, send: (line: string) => void = () => {}): Side {
  const made = { wrote: [], notes: [], isClosed: false, ends: 0 } as unknown as Side & { peer: Peer }
  const peer = new Peer({
    write(line) {
      made.wrote.push(line)
      send(line)
    },
    close: () => (made.isClosed = true),
    services,
    notes: { note: (args) => made.notes.push(args) },
    onEnd: () => made.ends++,
  })
  return Object.assign(made, { peer })
}

/** Two ends of one channel. */
function pair(services: Readonly<Record<string, Service>>): { asking: Side; serving: Side } {
  const asking: Side = side({}, (line) => serving.peer.heard(Buffer.from(line)))
  const serving: Side = side(services, (line) => asking.peer.heard(Buffer.from(line)))
  return { asking, serving }
}

describe('a channel between two processes', () => {
  test.prop([fc.jsonValue()])('carries any value there and back', async (value) => {
    const { asking } = pair({ echo: (args) => args })
    expect(await asking.peer.ask('echo', value)).toEqual({
      ok: true,
      value: JSON.parse(JSON.stringify(value)) as unknown,
    })
  })

  it('gives each question its own answer, in whatever order they come', async () => {
    const late = Promise.withResolvers<string>()
    const { asking } = pair({ late: () => late.promise, soon: () => 'soon' })
    const first = asking.peer.ask('late')
    expect(await asking.peer.ask('soon')).toEqual({ ok: true, value: 'soon' })
    late.resolve('late')
    expect(await first).toEqual({ ok: true, value: 'late' })
  })

  it('tells why there is no answer: a service that fails, and one that nobody knows', async () => {
    const { asking } = pair({
      bad: () => {
        throw new Error('the disk is full')
      },
    })
    expect(await asking.peer.ask('bad')).toEqual({ ok: false, why: 'the disk is full' })
    for (const name of ['other', 'toString', '__proto__'])
      expect(await asking.peer.ask(name)).toEqual({ ok: false, why: `${name} is not known here` })
  })

  it('takes no answer for a reason that is no text', async () => {
    const { peer } = side()
    const asked = peer.ask('x')
    peer.heard(Buffer.from('{"id":1,"why":{"toString":1}}\n'))
    expect(await asked).toEqual({ ok: false, why: 'the other process did not say why' })
  })

  it('passes notes on, and over those it does not know', () => {
    const { asking, serving } = pair({})
    asking.peer.tell('note', 7)
    asking.peer.tell('constructor', 8)
    expect(serving.notes).toEqual([7])
    expect(serving.peer.isOver).toBe(false)
  })

  it('its end answers every question that waits, and every later one; it comes once', async () => {
    const { peer, wrote, ...state } = side()
    const asked = [peer.ask('a'), peer.ask('b')]
    peer.end()
    peer.end()
    expect(await Promise.all([...asked, peer.ask('c')])).toEqual(
      Array(3).fill({ ok: false, why: 'the other process is gone' }),
    )
    peer.tell('note')
    peer.heard(Buffer.from('{"tell":"note"}\n'))
    expect(wrote).toHaveLength(2)
    expect(state.notes).toEqual([])
  })

  it('does not let questions pile up for a process that does not answer', async () => {
    const { peer } = side()
    for (let i = 0; i < 4096; i++) void peer.ask('a')
    expect(await peer.ask('a')).toEqual({ ok: false, why: 'too many questions wait for an answer' })
  })

  test.prop([
    fc.oneof(
      fc.string(),
      fc.json(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1')),
    ),
  ])('survives any line, and ends on what is no message', (line) => {
    const one = side()
    one.peer.heard(Buffer.from(`${line}\n`, 'latin1'))
    expect(one.peer.isOver).toBe(one.isClosed)
    expect(one.ends).toBe(one.isClosed ? 1 : 0)
  })

  it.each(['x', '7', 'null', '{}', '{"id":"1","value":2}'])('ends on %s', (line) => {
    const one = side()
    one.peer.heard(Buffer.from(`${line}\n`))
    expect(one.isClosed).toBe(true)
  })

  it('ends on a line that does not end', () => {
    const one = side()
    one.peer.heard(Buffer.alloc(LINE_BYTES_MAX, 0x20))
    expect(one.isClosed).toBe(false)
    one.peer.heard(Buffer.from(' '))
    expect(one.isClosed).toBe(true)
  })

  it('an answer that nobody waits for is nobody’s business', () => {
    const one = side()
    one.peer.heard(Buffer.from('{"id":5,"value":1}\n'))
    expect(one.isClosed).toBe(false)
  })
})
