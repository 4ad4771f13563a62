import { describe, expect, it } from 'vitest'
import { helloOf, initOf, insideTls, scene, type Scene } from './scene.ts'

/** A vault that cannot say, as while an HSM is out of reach. */
function withFailingVault(): Scene {
  // The first failure of a source would ban it.
  const it = scene({ guard: { isEnabled: true, blockScore: 1 } })
  it.vault.match = (_hello, _candidates, reply) => reply('failed', 0)
  return it
}

describe('a vault that fails', () => {
  it.each([
    ['a ClientHello', (it: Scene) => helloOf(it)],
    ['an init', (it: Scene) => initOf(it).wire],
  ])('sends %s to the mask host, and holds nothing against its source', (_what, say) => {
    const it = withFailingVault()
    for (let i = 0; i < 20; i++) {
      it.dial(say(it))
      it.world.runFor(30)
    }
    expect(new Set(it.reasons('rejected'))).toEqual(new Set(['vault-failed']))
    expect(it.sites).toHaveLength(20)
    expect(it.events.filter(({ kind }) => kind === 'banned')).toEqual([])
  })

  it('discards what follows on a handshake that it answered before, without a word', () => {
    const it = scene({})
    const { vault } = it
    const match = vault.match.bind(vault)
    vault.match = (hello, candidates, reply) =>
      hello.kind === 'init' ? reply('failed', 0) : match(hello, candidates, reply)
    const client = it.dial(helloOf(it))
    it.world.runFor(100)
    const answer = client.received.length
    client.send(insideTls(initOf(it, 2, true).wire))
    it.world.runFor(400_000)
    expect(answer).toBeGreaterThan(0)
    expect(client.received).toHaveLength(answer)
    expect(it.reasons('closed')).toEqual(['vault-failed'])
  })

  it.each([
    ['a ClientHello', (it: Scene) => helloOf(it)],
    ['an init', (it: Scene) => initOf(it).wire],
  ])(
    'sends %s to the mask host when its time is over and there is no answer, which comes too late then',
    (_what, say) => {
      const it = withFailingVault()
      const late: (() => void)[] = []
      it.vault.match = (_hello, _candidates, reply) => void late.push(() => reply('failed', 0))
      it.dial(say(it))
      it.world.runFor(20_000)
      expect(it.reasons('rejected')).toEqual(['vault-failed'])
      expect(it.sites).toHaveLength(1)
      const before = it.events.length
      late.forEach((answer) => answer())
      it.world.runFor(1000)
      expect(it.events.slice(before).map(({ kind }) => kind)).not.toContain('rejected')
      expect(it.events.filter(({ kind }) => kind === 'banned')).toEqual([])
    },
  )

  it('discards in the end what it gives no answer about behind our answer', () => {
    const it = scene({})
    const { vault } = it
    const match = vault.match.bind(vault)
    vault.match = (hello, candidates, reply) => {
      if (hello.kind !== 'init') match(hello, candidates, reply)
    }
    const client = it.dial(helloOf(it))
    it.world.runFor(100)
    client.send(insideTls(initOf(it, 2, true).wire))
    it.world.runFor(400_000)
    expect(it.reasons('closed')).toEqual(['vault-failed'])
  })

  it.each([
    [500, 1],
    [1500, 0],
  ])('blames whoever leaves after %i ms of waiting for it %i times', (waitMs, bans) => {
    const it = withFailingVault()
    it.vault.match = () => {}
    const client = it.dial(helloOf(it))
    it.world.runFor(waitMs)
    client.connection.reset()
    it.world.runFor(1000)
    expect(it.events.filter(({ kind }) => kind === 'banned')).toHaveLength(bans)
  })
})
