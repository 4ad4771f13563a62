import { describe, expect, it } from 'vitest'
import { PinWatch } from '../../src/vault/pin-watch.ts'

function processes() {
  const word = new Int32Array(1)
  const dead = new Set<number>()
  const watchOf = (pid: number) => new PinWatch(word, { pid, isAlive: (other) => !dead.has(other) })
  return { a: watchOf(11), b: watchOf(12), dead }
}

describe('the watch over a PIN', () => {
  it('lets one try at a time', () => {
    const { a, b } = processes()
    expect([a.begin(), b.begin()]).toEqual(['go', 'busy'])
    a.end(false)
    expect(b.begin()).toBe('go')
  })

  it('lets nobody try again what was refused, until somebody starts anew', () => {
    const { a, b } = processes()
    a.begin()
    a.end(true)
    expect([a.begin(), b.begin(), b.isRefused]).toEqual(['refused', 'refused', true])
    b.reset()
    expect([a.isRefused, a.begin()]).toEqual([false, 'go'])
  })

  it('takes the place of one that died while it tried', () => {
    const { a, b, dead } = processes()
    a.begin()
    dead.add(11)
    expect(b.begin()).toBe('go')
  })
})
