import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readLists } from '../../../sim/replay/lists.ts'
import { copyKeyOf, ListCopy } from '../../../src/core/guard/access/list-copy.ts'
import type { Store } from '../../../src/core/ports.ts'
import { OPEN_ACCESS, UNGUARDED } from '../../../src/core/settings.ts'
import { digestOf, recordConfig, type Policy, type RecordedConfig } from '../../../src/observe/trace/recorded.ts'
import { openStore, type LevelStore } from '../../../src/runtime/store.ts'

const URL = 'https://lists.example/bad?token=hunter2'
const TWO = '9.9.9.0/24\n8.8.8.8\n'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'palisade-lists-'))
  file = join(folder, 'bad.netset')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

function policyOf(...sources: readonly string[]): Policy {
  const lists = sources.map((source) => ({ source, level: 'none' as const, refreshMs: 1 }))
  return { access: { ...OPEN_ACCESS, lists }, guard: UNGUARDED, secrets: [] }
}

function recorded(...sources: readonly string[]): RecordedConfig {
  return recordConfig(
    policyOf(...sources),
    (ip) => ip,
    () => 0,
  )
}

/** The store of a proxy that has taken a list, and still runs. */
async function storeWith(source: string, text: string): Promise<LevelStore> {
  const level = await new Promise<LevelStore>((resolve, reject) =>
    openStore(join(folder, 'store'), (result) => {
      if ('error' in result) reject(new Error(result.error.message))
      else resolve(result)
    }),
  )
  const head = copyKeyOf(source)
  await new Promise<void>((saved) => {
    const put: Store['put'] = (key, value, reply) =>
      level.put(key, value, (isDurable) => {
        reply?.(isDurable)
        if (key === head) saved()
      })
    const store: Store = { put, get: level.get.bind(level), delete: level.delete.bind(level) }
    new ListCopy(store, head).save(new TextEncoder().encode(text))
  })
  return level
}

async function counts(next: Policy, ...configs: readonly RecordedConfig[]) {
  const { listed, missing } = await readLists(configs, next, folder)
  return { listed: new Map([...listed].map(([digest, { count }]) => [digest, count])), missing }
}

describe('the lists of a replay', () => {
  it('are files as they are now', async () => {
    writeFileSync(file, TWO)
    expect(await counts(policyOf(file), recorded(file))).toEqual({
      listed: new Map([[digestOf(file), 2]]),
      missing: [],
    })
  })

  it('are copies in the state folder of a proxy that runs, which stays as it is', async () => {
    const temporary = join(folder, 'tmp')
    mkdirSync(temporary)
    vi.stubEnv('TMPDIR', temporary)
    const level = await storeWith(URL, TWO)
    expect(await counts(policyOf(URL))).toEqual({ listed: new Map([[digestOf(URL), 2]]), missing: [] })
    expect(readdirSync(temporary)).toEqual([])
    await new Promise<void>((done) => level.close(done))
  })

  it('are copies where the file is gone or broken, as the proxy has it', async () => {
    const level = await storeWith(file, TWO)
    expect((await counts(policyOf(file))).listed.get(digestOf(file))).toBe(2)
    writeFileSync(file, '<html>\n')
    expect((await counts(policyOf(file))).listed.get(digestOf(file))).toBe(2)
    await new Promise<void>((done) => level.close(done))
  })

  it('of the recorded configuration alone are found by what the recording has of their names', async () => {
    const level = await storeWith(URL, TWO)
    expect((await counts(policyOf(), recorded(URL))).listed.get(digestOf(URL))).toBe(2)
    await new Promise<void>((done) => level.close(done))
  })

  it('that cannot be had are named, without the token in an address', async () => {
    const { listed, missing } = await counts(policyOf(URL, file), recorded(URL, 'gone'))
    expect(listed.size).toBe(0)
    const noCopy = `there is no copy of it in ${folder}`
    expect(missing).toEqual([
      { name: 'https://lists.example/bad?...', why: noCopy },
      { name: file, why: `it does not exist, and ${noCopy}` },
      { name: `a list that only the recorded configuration has (${digestOf('gone')})`, why: noCopy },
    ])
  })

  it('are not had from a state that is sealed', async () => {
    mkdirSync(join(folder, 'sealed'))
    const { missing } = await counts(policyOf(URL))
    expect(missing.map(({ why }) => why)).toEqual([`copies in ${folder} are sealed`])
    expect(existsSync(join(folder, 'store'))).toBe(false)
  })

  it('say so when the store is damaged', async () => {
    mkdirSync(join(folder, 'store'))
    writeFileSync(join(folder, 'store', 'CURRENT'), 'nothing')
    const { missing } = await counts(policyOf(URL))
    expect(missing[0].why).toMatch(/^the copy of .*store does not open: /)
  })
})
