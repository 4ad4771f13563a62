import { describe, expect, it } from 'vitest'
import { Waiting } from '../../../src/core/memory/backlog.ts'
import { BufferPool } from '../../../src/core/memory/pool.ts'
import { TICK_MS, TimerWheel } from '../../../src/core/memory/wheel.ts'

function scene(ceilingBytes = 8192) {
  const wheel = new TimerWheel(0)
  const pool = new BufferPool({ ceilingBytes, turnBytes: 2048, wheel })
  const ended: string[] = []
  const wait = (label: string, isStranger = false) => {
    const waiting = new Waiting({ label, isStranger, giveWay: () => ended.push(label) })
    pool.backlog.join(waiting)
    return waiting
  }
  const given: string[] = []
  const line = (...names: string[]) => {
    for (const name of names) pool.backlog.waitForTurn({ onTurn: () => given.push(name) })
  }
  const runTo = (ms: number) => {
    for (let at = wheel.now + TICK_MS; at <= ms; at += TICK_MS) wheel.advance(at)
  }
  return { pool, ended, given, wait, line, runTo, backlog: pool.backlog }
}

describe('whoever gives way', () => {
  it('is the one without progress for longest', () => {
    const { backlog, ended, wait } = scene()
    const [first, , third] = [wait('first'), wait('second'), wait('third')]
    backlog.moved(first)
    expect([backlog.makeRoom(third.owner), ended]).toEqual([true, ['second']])
    expect([backlog.makeRoom(third.owner), ended]).toEqual([false, ['second']])
    backlog.leave(third)
    expect([backlog.makeRoom(third.owner), ended, backlog.ended]).toEqual([true, ['second', 'first'], 2])
    expect(backlog.makeRoom(third.owner)).toBe(false)
  })

  it('is a stranger, while there is one', () => {
    const { backlog, ended, wait } = scene()
    wait('client')
    wait('stranger', true)
    const keeper = wait('another client')
    expect([backlog.makeRoom(keeper.owner), backlog.makeRoom(keeper.owner), ended]).toEqual([
      true,
      true,
      ['stranger', 'client'],
    ])
  })

  it('is never one that cannot', () => {
    const { backlog } = scene()
    backlog.join(new Waiting({ label: 'link' }))
    backlog.join(new Waiting())
    expect(backlog.makeRoom(undefined)).toBe(false)
  })
})

describe('turns', () => {
  it('come in order, one for each buffer that comes back, once the pool is no longer tight', () => {
    const { pool, given, line } = scene()
    const leases = [1, 2, 3, 4].map(() => pool.lease(2048))
    line('a', 'b', 'c')
    leases[0]?.release()
    expect(given).toEqual([])
    leases[1]?.release()
    expect(given).toEqual(['a'])
    leases[2]?.release()
    expect(given).toEqual(['a', 'b'])
  })

  it('go on while nothing comes back, as many as there is room for', () => {
    const { pool, given, line, runTo } = scene(8192)
    pool.lease(2048)
    line('a', 'b', 'c', 'd')
    runTo(150)
    expect(given).toEqual(['a', 'b', 'c'])
    runTo(300)
    expect(given).toEqual(['a', 'b', 'c', 'd'])
  })

  it('are not given to who has left', () => {
    const { backlog, given, runTo } = scene()
    const turn = { onTurn: () => given.push('gone') }
    backlog.waitForTurn(turn)
    backlog.forget(turn)
    runTo(1_000)
    expect([given, backlog.waitingTurns]).toEqual([[], 0])
  })

  it('are made room for when a reader has stood still for ten seconds, and not before', () => {
    const { pool, backlog, ended, given, wait, line, runTo } = scene(8192)
    for (let i = 0; i < 4; i++) pool.lease(2048)
    wait('still')
    const slow = wait('slow')
    line('a')
    runTo(9_000)
    backlog.moved(slow)
    expect([ended, given]).toEqual([[], []])
    runTo(14_000)
    expect([ended, given]).toEqual([['still'], []])
  })

  it('take nobody’s place while nobody waits for one', () => {
    const { pool, ended, wait, runTo } = scene(8192)
    for (let i = 0; i < 4; i++) pool.lease(2048)
    wait('still')
    runTo(60_000)
    expect(ended).toEqual([])
  })
})
