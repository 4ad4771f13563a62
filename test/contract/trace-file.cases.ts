import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileHead } from '../../src/observe/trace/encoder.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import { TraceFile } from '../../src/runtime/trace-file.ts'
import { openTraceKey, readTraceKey } from '../../src/runtime/trace-key.ts'
import type { Case } from './contract.ts'

/** Files of a trace, and the key beside the state, on a real disk. */

const HEAD = fileHead()
const block = (byte: number, length = 3) => new Uint8Array(length).fill(byte)

interface Place {
  readonly folder: string
  readonly path: string
  readonly troubles: (string | undefined)[]
  readonly open: (keep: number, after?: Promise<void>) => TraceFile
}

function namesIn(folder: string): string[] {
  return readdirSync(folder).sort()
}

const CASES: readonly Case<Place>[] = [
  {
    name: 'what was begun and written is in the file, in order, for its owner alone',
    run: async ({ path, open, troubles }) => {
      const file = open(3)
      file.begin(HEAD)
      assert.equal(file.write(block(1)), true)
      assert.equal(file.write(block(2)), true)
      await file.close()
      assert.deepEqual([...readFileSync(path)], [...HEAD, 1, 1, 1, 2, 2, 2])
      assert.equal(statSync(path).mode & 0o777, 0o600)
      assert.deepEqual(troubles, [])
    },
  },
  {
    name: 'files take the next number, and the one beyond the last is gone',
    run: async ({ folder, path, open }) => {
      const file = open(3)
      for (let number = 1; number <= 5; number++) {
        file.begin(HEAD)
        file.write(block(number, 1))
      }
      await file.close()
      assert.deepEqual(namesIn(folder), ['trace', 'trace.1', 'trace.2'])
      for (const [name, number] of [
        ['trace', 5],
        ['trace.1', 4],
        ['trace.2', 3],
      ] as const)
        assert.equal(readFileSync(join(folder, name)).at(-1), number)
      const later = open(1)
      later.begin(HEAD)
      await later.close()
      assert.deepEqual([...readFileSync(path)], [...HEAD])
    },
  },
  {
    name: 'a file of somebody else at that path stays, and what it says is the trouble',
    run: async ({ folder, path, open, troubles }) => {
      writeFileSync(path, '[listen]\n')
      const file = open(3)
      file.begin(HEAD)
      await file.close()
      assert.deepEqual(troubles, ['a file is there that is no trace'])
      assert.deepEqual(namesIn(folder), ['trace'])
      assert.equal(readFileSync(path, 'utf8'), '[listen]\n')
    },
  },
  {
    name: 'beyond 4 MB that wait nothing is taken, and nothing waits for the disk',
    run: async ({ path, open }) => {
      const gate = Promise.withResolvers<void>()
      const file = open(3, gate.promise)
      file.begin(HEAD)
      let taken = 0
      while (taken < 100 && file.write(block(taken, 1 << 20))) taken++
      assert.equal(taken, 3)
      gate.resolve()
      await file.close()
      assert.equal(statSync(path).size, HEAD.length + taken * (1 << 20))
    },
  },
  {
    name: 'a folder that is not there is a trouble told once, and no file',
    run: async ({ folder, open, troubles }) => {
      rmSync(folder, { recursive: true })
      const file = open(3)
      file.begin(HEAD)
      file.write(block(1))
      await file.close()
      assert.deepEqual(troubles, ['ENOENT'])
    },
  },
  {
    name: 'the key is made once, for its owner alone, whoever asks',
    run: ({ folder }) => {
      const random = new SystemRandom()
      assert.equal(readTraceKey(folder), undefined)
      const key = openTraceKey(folder, random)
      assert.equal(key.length, 32)
      assert.deepEqual(openTraceKey(folder, random), key)
      assert.deepEqual(readTraceKey(folder), key)
      assert.deepEqual(namesIn(folder), ['trace.key'])
      assert.equal(statSync(join(folder, 'trace.key')).mode & 0o777, 0o600)
    },
  },
  {
    name: 'what is no key is named as such',
    run: ({ folder }) => {
      writeFileSync(join(folder, 'trace.key'), 'abc\n')
      assert.throws(() => readTraceKey(folder), /trace\.key holds no key: 64 hex digits and nothing else/)
    },
  },
]

export const traceFileCases: readonly Case<void>[] = CASES.map(({ name, run }) => ({
  name,
  run: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-trace-'))
    const path = join(folder, 'trace')
    const troubles: (string | undefined)[] = []
    try {
      await run({
        ...{ folder, path, troubles },
        open: (keep, after = Promise.resolve()) =>
          new TraceFile({ path, keep: () => keep, after, onTrouble: (why) => troubles.push(why) }),
      })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}))
