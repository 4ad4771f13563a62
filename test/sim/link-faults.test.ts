import { describe, expect, it } from 'vitest'
import type { LinkEnd } from '../../src/core/events.ts'
import type { MtprotoClient } from '../../sim/actors/mtproto-client.ts'
import type { Agreed } from '../../sim/telegram/auth.ts'
import { scene, TAG } from './middle-scene.ts'
import { TamperedConnection, type Tampering } from './tampered.ts'

/**
 * One link to a middle proxy is disturbed at each byte of a dialogue, in either direction, round after round in one world:
 * what a round leaves behind shows in the next ones.
 */

/** Requests of the second client, side by side. */
const BUSY = 3
/** Of each direction: handshake, a request that is confirmed, and those. */
const BYTES = 600
const CONFIRMED_MS = 700
const PAUSE_MS = 2_000
/** A length that was made longer, but not too long, shows by the silence behind it (core/telegram/middle/link.ts). */
const SILENCE_MS = 90_000
/** Those who left are forgotten, and idle links closed. */
const BETWEEN_MS = 23_000
/** The one that is disturbed, one to move to, and one for whoever comes again. */
const LINKS_PER_ROUND = 3

type Scene = ReturnType<typeof scene>

/** A client that asks, and what came of it. */
class Asker {
  isClosed = false
  answers = 0
  asked = 0
  readonly client: MtprotoClient

  constructor({ connect }: Scene, agreed: Agreed) {
    this.client = connect('padded', agreed, { onOver: () => (this.isClosed = true) })
  }

  ask(): void {
    this.asked++
    this.client.ping(BigInt(this.asked), ({ kind }) => void (kind === 'ok' && this.answers++))
  }

  get isContent(): boolean {
    return this.isClosed || this.answers === this.asked
  }
}

function stage() {
  let tampering: Tampering | undefined
  let links: TamperedConnection[] = []
  const of = scene({
    adTag: TAG,
    middle: { linksPerDc: 1, idleCloseMs: 1_000 },
    between(connection, accept) {
      const link = new TamperedConnection(connection, links.length === 0 ? tampering : undefined)
      links.push(link)
      link.handler = accept(link)
      return link
    },
  })
  const { world, connect, leave } = of
  const elsewhere = connect('padded', undefined, { dc: 4 })
  const agreed = of.answer<Agreed>((reply) => elsewhere.exchangeKey(reply))

  /** One client asks and is confirmed, then falls silent; another one asks a lot. */
  const round = (next: Tampering) => {
    tampering = next
    links = []
    const quiet = new Asker(of, agreed)
    quiet.ask()
    world.runFor(CONFIRMED_MS)
    const isConfirmed = !links[0].hasHappened
    const busy = new Asker(of, agreed)
    for (let i = 0; i < BUSY; i++) busy.ask()
    world.until(() => busy.isContent, SILENCE_MS)
    const { hasHappened } = links[0]
    // An answer that was lost with its link is sent again by a DC that hears more.
    for (const each of [quiet, busy]) if (!each.isClosed) each.ask()
    world.until(() => busy.isContent && quiet.isContent, SILENCE_MS)
    // Whoever was closed comes again behind the pause of one failure, and is served.
    world.runFor(PAUSE_MS)
    const again = new Asker(of, agreed)
    again.ask()
    world.until(() => again.isContent, SILENCE_MS)
    const outcome = {
      isSettled: quiet.isContent && busy.isContent,
      isQuietServed: !isConfirmed || !quiet.isClosed,
      isServedAgain: again.answers === 1,
      ...{ hasHappened, links: links.length },
    }
    for (const each of [quiet, busy, again]) if (!each.isClosed) leave(each.client)
    world.runFor(BETWEEN_MS)
    return outcome
  }

  /** A client of another DC goes on as if nothing had been. */
  const isUndisturbed = () => of.answer<bigint>((reply) => elsewhere.ping(7n, reply), 1_000) === 7n
  return { of, round, isUndisturbed }
}

/** Goes through all bytes; how the links ended. */
function disturb(direction: Tampering['direction'], how: (after: number) => Tampering['how']): Scene {
  const { of, round, isUndisturbed } = stage()
  for (let after = 0; after < BYTES; after++) {
    const at = `at byte ${after}`
    const { links, ...outcome } = round({ direction, after, how: how(after) })
    expect(outcome, at).toEqual({ isSettled: true, isQuietServed: true, isServedAgain: true, hasHappened: true })
    expect(links, at).toBeLessThanOrEqual(LINKS_PER_ROUND)
    expect(isUndisturbed(), at).toBe(true)
  }
  expect(of.kinds('fault')).toEqual([])
  expect(of.trouble).toEqual([])
  const reasons = new Set(of.closed())
  expect([...reasons].filter((reason) => !['eof', 'link-lost', 'dial-failed'].includes(reason))).toEqual([])
  expect(of.kinds('migrated').length).toBeGreaterThan(BYTES / 4)
  of.proxy.close()
  expect([of.proxy.pool.leases, of.proxy.links, of.proxy.linkClients]).toEqual([0, 0, 0])
  return of
}

/** How links ended, but for those that nobody needed any more. */
function endsOf(of: Scene): readonly LinkEnd[] {
  return of.events.flatMap((event) =>
    event.kind === 'link-closed' && event.why !== 'idle' && event.why !== 'retired' ? [event.why] : [],
  )
}

const DIRECTIONS = ['to-middle', 'to-proxy'] as const

describe.each(DIRECTIONS)('a link, in the direction %s,', (direction) => {
  it.each(['end', 'reset'] as const)('may be cut at any byte (%s)', (how) => {
    const of = disturb(direction, () => how)
    expect([new Set(endsOf(of)), endsOf(of).length, of.faults]).toEqual([new Set([how]), BYTES, []])
  })

  it('shows a bit that was turned over at any byte, and that costs this link alone', () => {
    const of = disturb(direction, (after) => ({ bit: after % 8 }))
    // Whoever notices ends the link; what waits for the rest of a long frame says nothing more.
    const noticed = direction === 'to-proxy' ? 'bad-frame' : 'end'
    const ends = endsOf(of)
    expect(ends).toHaveLength(BYTES)
    expect(ends.filter((end) => end !== noticed && end !== 'silent')).toEqual([])
    expect(ends.filter((end) => end === noticed).length).toBeGreaterThan(BYTES - 5)
  })
})
