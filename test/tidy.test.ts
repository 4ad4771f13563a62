import { describe, expect, it } from 'vitest'
import { globalProblems } from './tidy/globals.ts'
import { importProblems, SIM_EDGE } from './tidy/imports.ts'
import { listFiles, readText, type Problem } from './tidy/source.ts'
import {
  lengthProblems,
  mapAsLruProblems,
  noteProblems,
  placeProblems,
  testProblems,
  wordProblems,
} from './tidy/text.ts'

type Rule = (path: string, text: string) => Problem[]
type Snippet = readonly [path: string, text: string]

interface Case {
  readonly name: string
  readonly rule: Rule
  /** Where it looks. */
  readonly files: RegExp
  /** Each of these must be found, or the rule is blind. */
  readonly bad: readonly Snippet[]
  readonly good: readonly Snippet[]
}

const upWord = `up${'stream'}`
const note = `TO${'DO'}`

const TEXT = /^/
const CODE = /\.(ts|js|mjs)$/

const RULES: readonly Case[] = [
  {
    name: 'imports point inwards',
    rule: importProblems,
    files: CODE,
    bad: [
      ['src/core/protocol/x.ts', `import { Proxy } from '../proxy.ts'`],
      ['src/core/memory/x.ts', `import type { Settings } from '../settings.ts'`],
      ['src/core/protocol/x.ts', `import { BufferPool } from '../memory/pool.ts'`],
      ['src/core/session/x.ts', `import { load } from '../../config/load.ts'`],
      ['src/core/x.ts', `export * from '../runtime/index.ts'`],
      ['src/core/x.ts', `const late = () => import('../cli/main.ts')`],
      ['src/core/x.ts', `type World = import('../../sim/world/world.ts').World`],
      ['src/core/x.ts', `import { z } from 'zod'`],
      ['src/core/x.ts', `import { connect } from 'node:net'`],
      ['src/core/x.ts', `import { deflateSync } from 'node:zlib'`],
      ['src/core/x.ts', `import * as zlib from 'node:zlib'`],
      ['src/observe/x.ts', `import { createRuntime } from '../runtime/index.ts'`],
      ['src/vault/x.ts', `import { start } from '../main.ts'`],
      ['src/runtime/x.ts', `import { start } from '../main.ts'`],
      ['src/main.ts', `import { run } from './cli/run.ts'`],
      ['src/runtime/x.ts', `import { World } from '../../sim/world/world.ts'`],
      ['src/runtime/x.ts', `import { fakes } from '../../test/fakes.ts'`],
      ['sim/world/x.ts', `import { createRuntime } from '../../src/runtime/index.ts'`],
      ['sim/world/x.ts', `import { readFileSync } from 'node:fs'`],
      ['sim/world/x.ts', `import { z } from 'zod'`],
      ['sim/attacks/x.ts', `import { playAttacks } from '../attacks.ts'`],
    ],
    good: [
      ['src/core/protocol/x.ts', `import type { Random } from '../ports.ts'\nimport { crc32 } from 'node:zlib'`],
      ['src/core/protocol/faketls/x.ts', `import { bytes } from '../bytes.ts'`],
      ['src/core/session/x.ts', `import { createHash } from 'node:crypto'\nimport { P } from '../memory/pool.ts'`],
      ['src/config/x.ts', `import { z } from 'zod'\nimport type { Settings } from '../core/settings.ts'`],
      ['src/runtime/node/x.ts', `import { connect } from 'node:net'\nimport { A } from '../network.ts'`],
      ['src/main.ts', `import { createRuntime } from './runtime/index.ts'`],
      ['src/cli/x.ts', `const { runSimulation } = await import('../../sim/run.ts')`],
      ['sim/world/x.ts', `import { assert } from '../../src/core/assert.ts'`],
      ['sim/attacks/plan/x.ts', `import { z } from 'zod'\nimport { load } from '../../../src/config/load.ts'`],
      ['test/x.test.ts', `import { connect } from 'node:net'`],
    ],
  },
  {
    name: 'core and sim take time, randomness and order from their ports',
    rule: globalProblems,
    files: CODE,
    bad: [
      ['src/core/x.ts', `const now = Date.now()`],
      ['src/core/x.ts', `let when: Date`],
      ['src/core/x.ts', `setTimeout(run, 5)`],
      ['src/core/x.ts', `const later = { setImmediate }`],
      ['src/core/x.ts', `const dice = Math.random()`],
      ['src/core/x.ts', `const text = process.env.HOME`],
      ['src/core/x.ts', `const file = Bun.mmap('x')`],
      ['src/core/x.ts', `const t = performance.now()`],
      ['src/core/x.ts', `const decay = Math.exp(-1)`],
      ['src/core/x.ts', `const bits = Math.log2(8)`],
      ['src/core/x.ts', `const root = Math.cbrt(8)`],
      ['src/core/x.ts', `const power = (a: number) => a ** 0.5`],
      ['src/core/x.ts', `const order = 'a'.localeCompare('b')`],
      ['src/core/x.ts', `const text = new Intl.NumberFormat()`],
      ['src/core/x.ts', `async function f() {}`],
      ['src/core/x.ts', `const f = async () => {}`],
      ['src/core/x.ts', `await x`],
      ['src/core/x.ts', `const p = Promise.resolve()`],
      ['src/core/x.ts', `p.then(run)`],
      ['src/core/x.ts', `import { randomBytes } from 'node:crypto'`],
      ['src/core/x.ts', `const c = crypto.subtle`],
      ['src/core/x.ts', `const d = globalThis.Date`],
      ['src/observe/x.ts', `const now = Date.now()`],
      ['src/config/x.ts', `const path = process.cwd()`],
      ['sim/world/x.ts', `const sine = Math.sin(1)`],
    ],
    good: [
      ['src/core/x.ts', `// Date, process and setTimeout may be spoken about\nconst text = 'Date.now()'`],
      ['src/core/x.ts', `const clock = { process: 1, performance: 2 }\nclock.process += 1`],
      ['src/core/x.ts', `const big = 2 ** 32 + Math.sqrt(2) + Math.floor(1.5) + Math.imul(2, 3)`],
      ['src/core/x.ts', `import { createHmac, timingSafeEqual } from 'node:crypto'`],
      ['src/observe/x.ts', `async function render() {}`],
      ['src/runtime/clock.ts', `const now = Date.now()`],
      ['src/cli/x.ts', `process.exitCode = 2`],
      ['sim/telegram/serve.ts', `await new Promise(setImmediate)`],
    ],
  },
  {
    name: 'no Map is an LRU',
    rule: mapAsLruProblems,
    files: CODE,
    bad: [
      ['src/core/x.ts', `map.delete(map.keys().next().value)`],
      ['src/admin/x.ts', `const [oldest] = this.#map.entries().next().value`],
    ],
    good: [['src/core/x.ts', `for (const key of map.keys()) use(key)\niterator.next()`]],
  },
  {
    name: 'files and lines can be read at a glance',
    rule: lengthProblems,
    files: TEXT,
    bad: [
      ['src/x.ts', 'x\n'.repeat(401)],
      ['src/x.ts', 'x'.repeat(141)],
      ['scripts/x.sh', 'x'.repeat(141)],
    ],
    good: [
      ['src/x.ts', 'x\n'.repeat(400)],
      ['src/x.ts', 'x'.repeat(140)],
      ['docs/x.md', 'x'.repeat(500)],
    ],
  },
  {
    name: 'no note says that something is still to be done',
    rule: noteProblems,
    files: TEXT,
    bad: [
      ['src/x.ts', `// ${note}: later`],
      ['docs/x.md', `FIX${'ME'}`],
    ],
    good: [['src/x.ts', `const methodology = 'to do'`]],
  },
  {
    name: 'nothing points at one machine or at a package host',
    rule: placeProblems,
    files: TEXT,
    bad: [
      ['src/x.ts', `read('/wo${'rk'}/main/x')`],
      ['docs/x.md', `see /ro${'ot'}/notes`],
      ['docs/x.md', `cp /ho${'me'}/ann/x .`],
      ['package-lock.json', `"resol${'ved'}": "x"`],
      ['x.sh', `npm install --registry https://registry.np${'mjs'}.org`],
    ],
    good: [['docs/x.md', 'the framework in /usr/lib and /etc/palisade, https://example.com/work']],
  },
  {
    name: 'tests run, all of them, without sleeping',
    rule: testProblems,
    files: CODE,
    bad: [
      ['test/x.test.ts', `it.on${'ly'}('x', run)`],
      ['test/x.test.ts', `describe.sk${'ip'}('x', run)`],
      ['test/x.test.ts', `it.to${'do'}('x')`],
      ['test/x.test.ts', `test.concurrent.sk${'ip'}('x', run)`],
      ['test/x.test.ts', `test.prop([a]).sk${'ip'}('x', run)`],
      ['test/x.test.ts', `it.sk${'ipIf'}(isSlow)('x', run)`],
      ['test/x.test.ts', `x${'it'}('x', run)`],
      ['test/x.test.ts', `setTimeout(done, 100)`],
    ],
    good: [
      ['test/x.test.ts', `it('skips only what it must', () => pager.skip(1))`],
      ['test/e2e/x.ts', `setTimeout(giveUp, 100)`],
    ],
  },
  {
    name: 'the two sides are called client and dc',
    rule: wordProblems,
    files: CODE,
    bad: [
      ['src/core/x.ts', `const ${upWord} = 1`],
      ['sim/x.ts', `// the Down${'stream'} side`],
    ],
    good: [['src/core/x.ts', 'const stream = client']],
  },
]

const files = listFiles()
const texts = new Map(files.map((path) => [path, readText(path)]))

describe.each(RULES)('$name', ({ rule, files: where, bad, good }) => {
  const label = ([path, text]: Snippet) => `${path}: ${text.slice(0, 60)}`

  it('holds in the whole tree', () => {
    expect(files.filter((path) => where.test(path)).flatMap((path) => rule(path, texts.get(path)!))).toEqual([])
  })
  for (const snippet of bad) it(`finds a fault in ${label(snippet)}`, () => expect(rule(...snippet)).not.toEqual([]))
  for (const snippet of good) it(`lets pass ${label(snippet)}`, () => expect(rule(...snippet)).toEqual([]))
})

describe('the tree', () => {
  it('is read whole', () => {
    for (const path of ['package.json', 'README.md', 'src/core/proxy.ts', 'test/tidy.test.ts', '.prettierrc.json'])
      expect(files).toContain(path)
  })

  it('has files of about a hundred lines', () => {
    const lengths = files
      .filter((path) => /^(src|sim)\/.*\.ts$/.test(path))
      .map((path) => texts.get(path)!.split('\n').length - 1)
      .sort((a, b) => a - b)
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThanOrEqual(130)
  })

  it('excuses no sim file without a reason', () => {
    for (const { why } of SIM_EDGE) expect(why).not.toBe('')
  })
})
