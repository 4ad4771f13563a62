import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isLiving, Ledger, ledgerEntry } from '../../src/runtime/ledger.ts'
import { ColumnBook } from '../../src/start/columns.ts'
import type { Case } from './contract.ts'

/** Which processes have which columns, over a crash of the supervisor and a change of the program. */

async function inFolder(run: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-ledger-'))
  try {
    await run(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export const ledgerCases: readonly Case<void>[] = [
  {
    name: 'tells of processes that live, and not of another one with the same number',
    run: () =>
      inFolder(async (folder) => {
        const child = spawn('sleep', ['60'])
        const entry = ledgerEntry(1, child.pid!)
        const ledger = new Ledger(join(folder, 'columns.json'))
        ledger.write([entry, { ...ledgerEntry(2, process.pid), start: 'another one' }])
        assert.deepEqual(ledger.living(), [entry])
        child.kill('SIGKILL')
        await once(child, 'exit')
        assert.deepEqual(ledger.living(), [])
        assert.equal(isLiving(entry), false)
      }),
  },
  {
    name: 'that is missing, or is none, tells of nobody',
    run: () =>
      inFolder((folder) => {
        const path = join(folder, 'columns.json')
        assert.deepEqual(new Ledger(path).living(), [])
        for (const text of ['', '{}', '[1,null,{}]', '[{"pid":-1}]']) {
          writeFileSync(path, text)
          assert.deepEqual(new Ledger(path).living(), [])
        }
      }),
  },
  {
    name: 'keeps a column from being given away while its old process lives, and says when it is free',
    run: () =>
      inFolder(async (folder) => {
        const child = spawn('sleep', ['60'])
        const before = new ColumnBook(folder, 2)
        before.note(before.take()!, child.pid!)
        const seen: string[] = []
        const after = new ColumnBook(folder, 2, {
          taken: (column) => seen.push(`taken ${column}`),
          gone: (column) => seen.push(`gone ${column}`),
        })
        assert.deepEqual([after.hasForeign, after.take(), after.take()], [true, 1, undefined])
        after.look()
        child.kill('SIGKILL')
        await once(child, 'exit')
        after.look()
        assert.deepEqual([after.hasForeign, after.take()], [false, 0])
        assert.deepEqual(seen, ['taken 1', 'gone 0', 'taken 0'])
      }),
  },
  {
    name: 'is left to a successor, which alone says what is free, until it is taken back',
    run: () =>
      inFolder((folder) => {
        const seen: number[] = []
        const book = new ColumnBook(folder, 2, { gone: (column) => seen.push(column) })
        const ledger = new Ledger(join(folder, 'columns.json'))
        for (const column of [book.take()!, book.take()!]) book.note(column, process.pid)
        book.leave()
        book.give(0)
        assert.deepEqual([seen, ledger.living().length], [[], 2])
        book.comeBack()
        assert.equal(ledger.living().length, 1)
        book.give(1)
        assert.deepEqual([seen, ledger.living().length], [[1], 0])
      }),
  },
]
