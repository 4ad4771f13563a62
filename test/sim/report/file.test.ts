import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkReportFile, shellWord, writeReport } from '../../../sim/report/file.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'palisade-report-'))
})
afterAll(() => {
  chmodSync(folder, 0o700)
  rmSync(folder, { recursive: true })
})

describe('the file of a report', () => {
  it('is tried before anything runs, and not left behind', () => {
    const path = join(folder, 'new.html')
    checkReportFile(path)
    expect(existsSync(path)).toBe(false)
  })

  it('keeps what is in it until there is something new', () => {
    const path = join(folder, 'old.html')
    writeFileSync(path, 'old')
    checkReportFile(path)
    expect(readFileSync(path, 'utf8')).toBe('old')
    writeReport(path, 'new')
    expect(readFileSync(path, 'utf8')).toBe('new')
  })

  it('that cannot be written is told of in one line', () => {
    mkdirSync(join(folder, 'sub'))
    writeFileSync(join(folder, 'file'), '')
    const problem = (path: string) => {
      try {
        checkReportFile(join(folder, path))
      } catch (error) {
        return (error as Error).message.replaceAll(folder, 'FOLDER')
      }
      return undefined
    }
    expect(problem('none/x.html')).toBe(
      '--report: FOLDER/none/x.html cannot be written: there is no folder FOLDER/none',
    )
    expect(problem('sub')).toBe('--report: FOLDER/sub is a folder; a file such as report.html is wanted')
    expect(problem('file/x.html')).toBe('--report: FOLDER/file/x.html cannot be written: FOLDER/file is not a folder')
  })
})

describe('a word for a shell', () => {
  it.each([
    ['botnet', 'botnet'],
    ['./my-own.toml', './my-own.toml'],
    ['a b.toml', "'a b.toml'"],
    ["it's.toml", "'it'\\''s.toml'"],
    ['', "''"],
    ['$HOME', "'$HOME'"],
  ])('%s is %s', (text, word) => expect(shellWord(text)).toBe(word))
})
