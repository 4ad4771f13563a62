import { describe, expect, it } from 'vitest'
import { LiveConfig } from '../../src/config/live.ts'
import { load, type LoadedConfig, type LoadResult } from '../../src/config/load.ts'

const A = '[[secret]]\nname = "a"\nkey = "11111111111111111111111111111111"\nmodes = ["plain"]\n'
const B = '[[secret]]\nname = "b"\nkey = "22222222222222222222222222222222"\nmodes = ["plain"]\n'

function read(text: string): LoadResult {
  return load({ text, file: 'palisade.toml' })
}

function makeLive(text: string) {
  const file = { text }
  const live = new LiveConfig(read(text) as LoadedConfig, () => read(file.text))
  const applied: string[][] = []
  const reload = (next: string) => {
    file.text = next
    return live.reload(({ settings }) => applied.push(settings.secrets.map(({ name }) => name)))
  }
  return { live, applied, reload }
}

describe('a reload (I27)', () => {
  it('replaces a valid configuration by a valid one, as a whole', async () => {
    const { live, applied, reload } = makeLive(A)
    expect(await reload(`${B}[relay]\nidle_timeout = "1m"`)).toEqual({
      ok: true,
      applied: ['secret', 'relay.idle_timeout'],
      cold: [],
    })
    expect(applied).toEqual([['b']])
    expect(live.prepared.settings.relay.idleTimeoutMs).toBe(60_000)
    expect(live.prepared.removed).toEqual([1])
  })

  it.each(['', 'nonsense', `${A}${A}`, `${A}x = 1`, `${A}[relay]\nidle_timeout = 5`])(
    'keeps the valid one when the new one is %j',
    async (text) => {
      const { live, applied, reload } = makeLive(A)
      const before = [live.loaded, live.prepared]
      const result = await reload(text)
      expect(result.ok).toBe(false)
      expect(result).toHaveProperty('problems.0')
      expect(applied).toEqual([])
      expect([live.loaded, live.prepared]).toEqual(before)
    },
  )

  it('goes on from the last valid one', async () => {
    const { applied, reload } = makeLive(A)
    await reload('nonsense')
    expect(await reload(`${A}${B}`)).toEqual({ ok: true, applied: ['secret'], cold: [] })
    expect(applied).toEqual([['a', 'b']])
  })

  it('names a cold key every time until it is restarted or put back', async () => {
    const { live, reload } = makeLive(A)
    const changed = `${A}[memory]\nbuffers = "32 MB"`
    for (let i = 0; i < 2; i++)
      expect(await reload(changed)).toEqual({ ok: true, applied: [], cold: ['memory.buffers'] })
    expect(live.prepared.settings.memory.buffersBytes).toBe(64 * 1024 ** 2)
    expect(await reload(A)).toEqual({ ok: true, applied: [], cold: [] })
  })

  it('waits for the one before, so that what was read last holds', async () => {
    const waiting: (() => void)[] = []
    const texts = [B, `${A}${B}`]
    const live = new LiveConfig(read(A) as LoadedConfig, async () => {
      const text = texts.shift() ?? ''
      await new Promise<void>((resolve) => waiting.push(resolve))
      return read(text)
    })
    const names: string[][] = []
    const reload = () => live.reload(({ settings }) => names.push(settings.secrets.map(({ name }) => name)))
    const both = [reload(), reload()]
    await Promise.resolve()
    expect(waiting.length).toBe(1)
    waiting[0]()
    await both[0]
    await Promise.resolve()
    waiting[1]()
    await both[1]
    expect(names).toEqual([['b'], ['a', 'b']])
  })

  it('that fails does not stop the next one', async () => {
    let reads = 0
    const live = new LiveConfig(read(A) as LoadedConfig, () => {
      if (++reads === 1) throw new Error('unreadable')
      return read(B)
    })
    await expect(live.reload(() => {})).rejects.toThrow('unreadable')
    expect(await live.reload(() => {})).toMatchObject({ ok: true })
  })
})
