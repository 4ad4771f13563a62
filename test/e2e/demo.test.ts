import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Child, runToEnd } from './child.ts'
import { environmentFor, PALISADE, RUNTIMES } from './program.ts'

const LIMIT_MS = 60_000
const SHOWN = [
  ...['plain', 'padded', 'fake-tls'].map((mode) => new RegExp(`^ {2}${mode} +\\d+ +[1-9]\\d* +[1-9]\\d* good, 0 bad`)),
  /^ {2}replayed hello +\d+ +the site's TLS hello/,
  /^ {2}HTTP scanner +\d+ +the site's HTTP error/,
]

describe.each(RUNTIMES)('the demo on %s', (runtime) => {
  it('serves clients with every kind of secret, shows strangers the site, and ends when it is told to', async () => {
    const args = [PALISADE, 'demo', '--time', '600', '--runtime', runtime]
    const demo = new Child('sh', args, { env: environmentFor(runtime) })
    try {
      for (const line of SHOWN) await demo.stdout.next(LIMIT_MS, String(line), (text) => line.test(text))
      demo.signal('SIGINT')
      expect(await demo.finish(LIMIT_MS)).toEqual({ code: 0, signal: null })
      expect(demo.stdout.all.at(-1)).toMatch(/^[1-9]\d* files came whole, 0 did not\.$/)
      expect(demo.stderr.all).toEqual([])
    } finally {
      await demo.kill()
    }
  })

  it('records what a replay decides alike, and names its address where that may have two connections', async () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'palisade-demo-')), 'recorded')
    try {
      const run = (args: readonly string[]) =>
        runToEnd('sh', [PALISADE, ...args, '--runtime', runtime], { env: environmentFor(runtime), limitMs: LIMIT_MS })
      const args = [PALISADE, 'demo', '--time', '600', '--record', folder, '--runtime', runtime]
      const demo = new Child('sh', args, { env: environmentFor(runtime) })
      try {
        for (const line of SHOWN) await demo.stdout.next(LIMIT_MS, String(line), (text) => line.test(text))
        demo.signal('SIGINT')
        expect(await demo.finish(LIMIT_MS)).toEqual({ code: 0, signal: null })
      } finally {
        await demo.kill()
      }
      const replay = ['sim', 'replay', join(folder, 'trace'), '--config', join(folder, 'palisade.toml')]
      expect(await run(replay)).toMatchObject({ code: 0, stdout: expect.stringMatching(/\nno difference$/) as string })
      const { stdout } = await run([...replay, '--set', 'guard.connections_per_ip=2', '--set', 'guard.credit=1'])
      expect(stdout).toMatch(/^127\.0\.0\.1 .*connections/m)
      expect((await run(['demo', '--record', folder])).stderr).toMatch(/holds a configuration already$/)
    } finally {
      rmSync(dirname(folder), { recursive: true, force: true })
    }
  })
})
