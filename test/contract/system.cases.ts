import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { createRuntime } from '../../src/runtime/index.ts'
import type { Case } from './contract.ts'

/** What `Clock` and `Random` promise. */

const { clock, random } = createRuntime()
const DRAWS = 20_000

export const clockCases: readonly Case<void>[] = [
  {
    name: 'monotonic time never goes back',
    run() {
      let last = clock.mono()
      for (let i = 0; i < DRAWS; i++) {
        const now = clock.mono()
        assert.ok(now >= last)
        last = now
      }
    },
  },
  {
    name: 'monotonic time is that of the machine: another process that starts later reads on where we are',
    run() {
      const before = clock.mono()
      const other = Number(
        execFileSync(process.execPath, [join(import.meta.dirname, 'clock.child.ts')], { encoding: 'utf8' }),
      )
      assert.ok(before < other && other < clock.mono(), `${before} ${other} ${clock.mono()}`)
    },
  },
  {
    name: 'the wall shows whole seconds since 1970, of this century',
    run() {
      const wall = clock.wall()
      assert.ok(Number.isInteger(wall))
      assert.ok(wall > 1_700_000_000 && wall < 4_102_444_800)
    },
  },
]

export const randomCases: readonly Case<void>[] = [
  {
    name: 'fill returns its target, whole, for any length, and never the same twice',
    run() {
      const seen = new Set<string>()
      for (const length of [16, 32, 255, 256, 257, 4095, 4096, 4097, 100_000]) {
        for (let i = 0; i < 20; i++) {
          const target = new Uint8Array(length)
          assert.equal(random.fill(target), target)
          seen.add(Buffer.from(target.subarray(0, 16)).toString('hex'))
          seen.add(Buffer.from(target.subarray(-16)).toString('hex') + '.')
        }
      }
      assert.equal(seen.size, 9 * 20 * 2)
      assert.deepEqual(random.fill(new Uint8Array(0)), new Uint8Array(0))
    },
  },
  {
    name: 'fill leaves what is beside its target alone',
    run() {
      const whole = new Uint8Array(1000)
      random.fill(whole.subarray(100, 200))
      random.fill(whole.subarray(300, 900))
      assert.ok(whole.every((byte, at) => (at >= 100 && at < 200) || (at >= 300 && at < 900) || byte === 0))
    },
  },
  {
    name: 'every byte value comes about as often as any other',
    run() {
      const counts = new Uint32Array(256)
      const target = new Uint8Array(100)
      for (let i = 0; i < 2560; i++) for (const byte of random.fill(target)) counts[byte]++
      // 1000 expected, deviation 32; 8 deviations are out of reach by chance.
      assert.ok(counts.every((count) => count > 740 && count < 1260))
    },
  },
  {
    name: 'below stays below, reaches every value, and favours none',
    run() {
      for (const limit of [1, 2, 3, 10]) {
        const counts = new Uint32Array(limit)
        for (let i = 0; i < DRAWS; i++) counts[random.below(limit)]++
        const expected = DRAWS / limit
        assert.equal(
          counts.reduce((sum, count) => sum + count),
          DRAWS,
        )
        assert.ok(counts.every((count) => Math.abs(count - expected) <= 8 * Math.sqrt(expected)))
      }
    },
  },
  {
    name: 'below has no bias at limits that do not divide 2^32',
    run() {
      // Without rejection, values under 2^30 would come twice as often as those above.
      const limit = 3 * 2 ** 29
      let low = 0
      for (let i = 0; i < DRAWS; i++) if (random.below(limit) < 2 ** 30) low++
      const expected = (DRAWS * 2) / 3
      assert.ok(Math.abs(low - expected) < 8 * Math.sqrt(expected))
    },
  },
  {
    name: 'below takes 2^31 and refuses limits out of range',
    run() {
      for (let i = 0; i < 1000; i++) assert.ok(random.below(2 ** 31) < 2 ** 31)
      for (const limit of [0, -1, 1.5, 2 ** 31 + 1, NaN]) assert.throws(() => random.below(limit))
    },
  },
]
