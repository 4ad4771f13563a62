import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/core/ports.ts'
import { SendQueue } from '../../../sim/telegram/send-queue.ts'

/** Takes as much as there is room, and writes down what it is told. */
class Narrow {
  room = 0
  readonly calls: string[] = []
  readonly taken: number[] = []
  write(bytes: Uint8Array): number {
    const taken = Math.min(this.room, bytes.length)
    this.room -= taken
    this.taken.push(...bytes.subarray(0, taken))
    return taken
  }
  pause = () => void this.calls.push('pause')
  resume = () => void this.calls.push('resume')
  end = () => void this.calls.push('end')
}

function queueOn(connection: Narrow): SendQueue {
  return new SendQueue(connection as unknown as Connection, 10)
}

describe('SendQueue', () => {
  it('sends in order what the connection takes in parts, and ends behind it, once', () => {
    const connection = new Narrow()
    const queue = queueOn(connection)
    connection.room = 2
    queue.push(Uint8Array.of(1, 2, 3))
    queue.push(Uint8Array.of(4, 5))
    queue.end()
    expect([connection.taken, queue.waitingBytes, connection.calls]).toEqual([[1, 2], 3, []])
    connection.room = 100
    queue.pump()
    expect([connection.taken, queue.waitingBytes, connection.calls]).toEqual([[1, 2, 3, 4, 5], 0, ['end']])
  })

  it('stops reading above its limit, and reads again at half of it', () => {
    const connection = new Narrow()
    const queue = queueOn(connection)
    queue.push(new Uint8Array(10))
    expect(connection.calls).toEqual([])
    queue.push(new Uint8Array(2))
    queue.push(new Uint8Array(1))
    expect(connection.calls).toEqual(['pause'])
    connection.room = 7
    queue.pump()
    expect(connection.calls).toEqual(['pause'])
    connection.room = 1
    queue.pump()
    expect(connection.calls).toEqual(['pause', 'resume'])
  })
})
