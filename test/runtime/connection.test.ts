import { beforeEach, describe, expect, it } from 'vitest'
import type { Address } from '../../src/core/ports.ts'
import { SocketConnection } from '../../src/runtime/connection.ts'

/** A socket that does what the test says, and notes what it is told. */
class ScriptedConnection extends SocketConnection {
  readonly local: Address = { ip: '127.0.0.1', port: 2 }
  readonly calls: string[] = []
  takes = 1000
  /** What the runtime tells from within its own calls. */
  within: () => void = () => {}

  constructor() {
    super({ ip: '127.0.0.1', port: 1 })
  }

  protected socketWrite(bytes: Uint8Array): number {
    this.within()
    return Math.min(this.takes, bytes.length)
  }
  protected socketEnd(): void {
    this.calls.push('end')
    this.within()
  }
  protected socketPause(): void {
    this.calls.push('pause')
  }
  protected socketResume(): void {
    this.calls.push('resume')
  }
  protected socketClose(): void {
    this.calls.push('close')
    this.within()
  }
  protected socketReset(): void {
    this.calls.push('reset')
    this.within()
  }
}

let connection: ScriptedConnection
let heard: string[]
let onHeard: (what: string) => void

beforeEach(() => {
  connection = new ScriptedConnection()
  heard = []
  onHeard = () => {}
  const hear = (what: string) => {
    heard.push(what)
    onHeard(what)
  }
  connection.handler = {
    onData: (chunk) => hear(`data ${chunk.join()}`),
    onDrain: () => hear('drain'),
    onEnd: () => hear('end'),
    onClose: (kind) => hear(`close ${kind}`),
  }
})

/** Lets every microtask run that was queued, and those they queue. */
async function microtasks(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

describe('what a runtime tells too early', () => {
  it('keeps data, end and ordered close for the resume, in order, as copies', async () => {
    connection.pause()
    const chunk = Uint8Array.of(1, 2)
    connection.heardData(chunk)
    chunk.fill(9)
    connection.heardData(Uint8Array.of(3))
    connection.heardEnd()
    connection.heardClose('end')
    expect(heard).toEqual([])
    connection.resume()
    expect(heard).toEqual([])
    await microtasks()
    expect(heard).toEqual(['data 1,2', 'data 3', 'end', 'close end'])
  })

  it('stops again at a pause in between, and goes on with the socket only when all is told', async () => {
    connection.pause()
    for (const byte of [1, 2, 3]) connection.heardData(Uint8Array.of(byte))
    onHeard = (what) => {
      if (what === 'data 2') connection.pause()
    }
    connection.resume()
    await microtasks()
    expect(heard).toEqual(['data 1', 'data 2'])
    expect(connection.calls).toEqual(['pause', 'pause'])
    connection.resume()
    await microtasks()
    expect(heard).toEqual(['data 1', 'data 2', 'data 3'])
    expect(connection.calls).toEqual(['pause', 'pause', 'resume'])
  })

  it('tells later data behind what is held, not before it', async () => {
    connection.pause()
    connection.heardData(Uint8Array.of(1))
    connection.resume()
    connection.heardData(Uint8Array.of(2))
    await microtasks()
    expect(heard).toEqual(['data 1', 'data 2'])
  })

  it.each(['close', 'reset'] as const)('forgets what is held when the owner calls %s', async (how) => {
    connection.pause()
    connection.heardData(Uint8Array.of(1))
    connection.heardEnd()
    connection.resume()
    connection[how]()
    await microtasks()
    expect(heard).toEqual([])
  })

  it('tells a reset at once, without what is held', async () => {
    connection.pause()
    connection.heardData(Uint8Array.of(1))
    connection.heardClose('reset')
    expect(heard).toEqual(['close reset'])
    connection.resume()
    await microtasks()
    expect(heard).toEqual(['close reset'])
  })

  it('tells an end that the runtime left out before an ordered close', () => {
    connection.heardClose('end')
    expect(heard).toEqual(['end', 'close end'])
  })

  it('tells no close to a handler that closed at the end it was told for it', () => {
    onHeard = () => connection.close()
    connection.heardClose('end')
    expect(heard).toEqual(['end'])
  })
})

describe('what a runtime tells within a call of ours', () => {
  it('waits until the call is over', async () => {
    connection.within = () => connection.heardClose('end')
    connection.end()
    expect(heard).toEqual([])
    await microtasks()
    expect(heard).toEqual(['end', 'close end'])
  })

  it.each(['close', 'reset'] as const)('is nothing at all within %s', async (how) => {
    connection.within = () => connection.heardClose('end')
    connection[how]()
    await microtasks()
    expect(heard).toEqual([])
  })
})

describe('a write', () => {
  it('that took all is followed by no drain, one that took a part by exactly one', () => {
    expect(connection.write(new Uint8Array(1000))).toBe(1000)
    connection.heardDrain()
    expect(heard).toEqual([])
    expect(connection.write(new Uint8Array(1001))).toBe(1000)
    connection.heardDrain()
    connection.heardDrain()
    expect(heard).toEqual(['drain'])
  })

  it('is followed by no drain once our direction ended', () => {
    connection.write(new Uint8Array(1001))
    connection.end()
    connection.heardDrain()
    expect(heard).toEqual([])
  })

  it('that finds the peer gone takes nothing and is told as one reset, later, whatever the socket says', async () => {
    connection.takes = -1
    connection.within = () => connection.heardClose('end')
    expect(connection.write(new Uint8Array(10))).toBe(0)
    expect(connection.write(new Uint8Array(10))).toBe(0)
    expect(heard).toEqual([])
    connection.heardData(Uint8Array.of(1))
    connection.heardEnd()
    await microtasks()
    expect(heard).toEqual(['close reset'])
    expect(connection.calls).toEqual(['reset'])
  })

  it('that finds the peer gone is told to nobody after a close, which has no socket to close any more', async () => {
    connection.takes = -1
    connection.write(new Uint8Array(10))
    connection.close()
    await microtasks()
    expect(heard).toEqual([])
    expect(connection.calls).toEqual(['reset'])
  })
})

describe('calls that repeat', () => {
  it('reach the socket once', () => {
    connection.pause()
    connection.pause()
    connection.resume()
    connection.resume()
    connection.end()
    connection.end()
    connection.close()
    connection.close()
    connection.reset()
    expect(connection.calls).toEqual(['pause', 'resume', 'end', 'close'])
  })
})
