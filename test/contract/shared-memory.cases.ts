import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SharedRegion } from '../../src/core/ports.ts'
import { createRuntime, mapFile } from '../../src/runtime/index.ts'
import { FileMemory, markClean } from '../../src/runtime/shared-memory.ts'
import type { Case } from './contract.ts'

/** What a `SharedMemory` promises, on mapped files. */

const runtime = createRuntime()
const BOOT = '11111111-2222-4333-8444-555555555555'
const OTHER_BOOT = '99999999-2222-4333-8444-555555555555'

const CASES: readonly Case<string>[] = [
  {
    name: 'a first open is new: zeros of the size asked, aligned for Atomics',
    run(directory) {
      for (const length of [8, 64, 4096, 1_000_003]) {
        const { bytes, origin } = runtime.openSharedMemory(directory).open(`region-${length}`, length)
        assert.deepEqual([bytes.length, origin, bytes.byteOffset % 8], [length, 'new', 0])
        assert.ok(bytes.every((byte) => byte === 0))
      }
    },
  },
  {
    name: 'Atomics work on a region',
    run(directory) {
      const cells = cellsOf(runtime.openSharedMemory(directory).open('cells', 64))
      assert.equal(Atomics.add(cells, 3, 5), 0)
      assert.equal(Atomics.compareExchange(cells, 3, 5, 9), 5)
      assert.equal(Atomics.load(cells, 3), 9)
    },
  },
  {
    name: 'two openings of a name are the same memory, two names are not',
    run(directory) {
      const first = runtime.openSharedMemory(directory)
      const second = runtime.openSharedMemory(directory)
      const mine = first.open('one', 64)
      mine.bytes[5] = 7
      const theirs = second.open('one', 64)
      assert.deepEqual([theirs.origin, theirs.bytes[5]], ['kept', 7])
      theirs.bytes[6] = 8
      assert.equal(mine.bytes[6], 8)
      assert.equal(second.open('two', 64).bytes[5], 0)
      assert.equal(first.open('one', 64), mine)
    },
  },
  {
    name: 'a region is shared with another process while both run',
    async run(directory) {
      const cells = cellsOf(runtime.openSharedMemory(directory).open('counter', 64))
      await Promise.all([child(directory, 'count'), child(directory, 'count')])
      assert.equal(Atomics.load(cells, 1), 20_000)
    },
  },
  {
    name: 'what a process wrote is kept when it is killed with -9',
    async run(directory) {
      await child(directory, 'die')
      const { bytes, origin } = runtime.openSharedMemory(directory).open('mine', 4096)
      assert.equal(origin, 'kept')
      assert.ok(bytes.every((byte, at) => byte === (at & 0xff)))
    },
  },
  {
    name: 'a region of another size is replaced by zeros, and whoever mapped the old one keeps it',
    run(directory) {
      const old = runtime.openSharedMemory(directory).open('sized', 64)
      old.bytes.fill(1)
      const { bytes, origin } = runtime.openSharedMemory(directory).open('sized', 128)
      assert.equal(origin, 'new')
      assert.ok(bytes.every((byte) => byte === 0))
      assert.ok(old.bytes.every((byte) => byte === 1))
    },
  },
  {
    name: 'a file that is no region is replaced by zeros',
    run(directory) {
      for (const content of ['', 'something else', 'x'.repeat(4096 + 64)]) {
        writeFileSync(join(directory, 'foreign'), content)
        const { bytes, origin } = runtime.openSharedMemory(directory).open('foreign', 64)
        assert.equal(origin, 'new')
        assert.ok(bytes.every((byte) => byte === 0))
      }
    },
  },
  {
    name: 'after the machine went down without a clean close a region is stale, with what is left of it',
    run(directory) {
      const before = memory(directory, BOOT)
      before.open('ring', 64).bytes.fill(3)
      before.close(false)
      const region = memory(directory, OTHER_BOOT).open('ring', 64)
      assert.deepEqual([region.origin, region.bytes[0]], ['stale', 3])
    },
  },
  {
    name: 'after a clean close a region is kept over a restart of the machine',
    run(directory) {
      const before = memory(directory, BOOT)
      before.open('ring', 64).bytes.fill(3)
      before.close(true)
      const region = memory(directory, OTHER_BOOT).open('ring', 64)
      assert.deepEqual([region.origin, region.bytes[63]], ['kept', 3])
    },
  },
  {
    name: 'a process that opened no region can say that all are clean, when nobody uses them any more',
    run(directory) {
      const shared = runtime.openSharedMemory(directory)
      shared.open('one', 64)
      shared.open('two', 64)
      memory(directory, OTHER_BOOT).open('of-another-boot', 64)
      writeFileSync(join(directory, 'no-region'), 'x')
      shared.close(false)
      markClean(directory)
      for (const name of ['missing', 'no-region']) markClean(join(directory, name))
      const after = memory(directory, BOOT)
      assert.deepEqual(
        ['one', 'two', 'of-another-boot'].map((name) => after.open(name, 64).origin),
        ['kept', 'kept', 'stale'],
      )
    },
  },
  {
    name: 'a clean close counts once: the next use takes the mark back, and stale stays so until told',
    run(directory) {
      const first = memory(directory, BOOT)
      first.open('ring', 64)
      first.close(true)
      memory(directory, BOOT).open('ring', 64)
      assert.equal(memory(directory, OTHER_BOOT).open('ring', 64).origin, 'stale')
      assert.equal(memory(directory, OTHER_BOOT).open('ring', 64).origin, 'kept')
    },
  },
  {
    name: 'files are for the owner alone, also when they were not, and no draft is left behind',
    run(directory) {
      const below = join(directory, 'state')
      runtime.openSharedMemory(below).open('secret', 64)
      assert.equal(statSync(below).mode & 0o777, 0o700)
      assert.equal(statSync(join(below, 'secret')).mode & 0o777, 0o600)
      assert.deepEqual(readdirSync(below), ['secret'])
    },
  },
  {
    name: 'a link that someone laid is not followed',
    run(directory) {
      const target = join(directory, 'target')
      writeFileSync(target, 'precious')
      symlinkSync(target, join(directory, 'linked'))
      assert.throws(
        () => runtime.openSharedMemory(directory).open('linked', 64),
        /^Error: cannot keep state in .*linked: /,
      )
      assert.equal(readFileSync(target, 'latin1'), 'precious')
    },
  },
  {
    name: 'a directory that cannot be had is one clear line',
    run(directory) {
      writeFileSync(join(directory, 'file'), '')
      const shared = runtime.openSharedMemory(join(directory, 'file', 'below'))
      assert.throws(() => shared.open('region', 64), /^Error: cannot keep state in .*region: ENOTDIR/)
    },
  },
  {
    name: 'names that are paths are refused',
    run(directory) {
      const shared = runtime.openSharedMemory(directory)
      for (const name of ['', '.', '..', '../up', 'a/b', '.hidden', 'x\0y']) assert.throws(() => shared.open(name, 64))
      assert.ok(!existsSync(join(directory, '..', 'up')))
    },
  },
]

/** Each in a directory of its own, which outlives the mapped files in it only by name. */
export const sharedMemoryCases: readonly Case<void>[] = CASES.map(({ name, run }) => ({
  name,
  async run() {
    const directory = mkdtempSync(join(tmpdir(), 'palisade-memory-'))
    try {
      await run(directory)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  },
}))

function memory(directory: string, bootId: string): FileMemory {
  return new FileMemory({ directory, mapFile, bootId })
}

function cellsOf({ bytes }: SharedRegion): Int32Array<ArrayBufferLike> {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

/** Runs the same runtime on the same directory; resolves when that process is gone, however. */
function child(directory: string, task: 'count' | 'die'): Promise<void> {
  return new Promise((resolve) => {
    const script = join(import.meta.dirname, 'shared-memory.child.ts')
    spawn(process.execPath, [script, directory, task], { stdio: 'inherit' }).once('exit', () => resolve())
  })
}
