import { chmodSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { runToEnd } from './child.ts'
import { configText, type ConfigOptions } from './config.ts'
import { environmentFor, Home, PALISADE, RUNTIMES } from './program.ts'

/** Capabilities that would let root read any file and take any port; an ordinary user has neither. */
const WITHOUT_PRIVILEGES = ['--bounding-set=-dac_override,-dac_read_search,-net_bind_service']

describe.each(RUNTIMES)('wrong use of the program on %s', (runtime) => {
  let home: Home | undefined
  afterEach(() => home?.remove())

  function makeHome(options: Partial<ConfigOptions> = {}): Home {
    home = new Home(configText({ dcPort: 9, maskPort: 9, ...options }))
    return home
  }

  /** Runs it to its end and expects words for a person: no stack trace, no more lines than problems. */
  async function complain(
    args: readonly string[],
    wrap: readonly string[] = [],
  ): Promise<{ code: number | null; said: string }> {
    const [command, ...rest] = [...wrap, 'sh', PALISADE, ...args, '--runtime', runtime]
    const { code, stdout, stderr } = await runToEnd(command, rest, { env: environmentFor(runtime) })
    expect(stdout).toBe('')
    expect(stderr).not.toMatch(/^\s+at .*[:(]|node:internal|Error:/m)
    return { code, said: stderr }
  }
  const run = ({ configFile }: Home, wrap?: readonly string[]) => complain(['run', '--config', configFile], wrap)

  it('a key that is no key: file, line, key, what was found', async () => {
    const { configFile, folder } = makeHome()
    const text = configText({ dcPort: 9, maskPort: 9 }).replace(/^key = ".*"$/m, 'key = "0011zz"')
    writeFileSync(configFile, text)
    const line = text.split('\n').indexOf('key = "0011zz"') + 1
    const { code, said } = await run(home!)
    expect(code).toBe(78)
    expect(said).toContain(`${folder}/palisade.toml:${line}:`)
    expect(said).toMatch(/key/)
    expect(said.split('\n')).toHaveLength(1)
  })

  it('an unknown key: a suggestion', async () => {
    const { code, said } = await run(makeHome({ listen: 'drain_timout = "5s"' }))
    expect(code).toBe(78)
    expect(said).toContain('drain_timeout')
    expect(said.split('\n')).toHaveLength(1)
  })

  it('two problems: both at once', async () => {
    const { code, said } = await run(makeHome({ listen: 'drain_timout = "5s"\nbacklog = "many"' }))
    expect(code).toBe(78)
    expect(said.split('\n')).toHaveLength(2)
  })

  it('a configuration that is not there', async () => {
    const { folder } = makeHome()
    const { code, said } = await complain(['run', '--config', `${folder}/missing.toml`])
    expect(code).toBe(78)
    expect(said).toContain('missing.toml')
    expect(said.split('\n')).toHaveLength(1)
  })

  it('a configuration that may not be read', async () => {
    const unreadable = makeHome()
    chmodSync(unreadable.configFile, 0o000)
    const { code, said } = await run(unreadable, ['setpriv', ...WITHOUT_PRIVILEGES])
    expect(code).toBe(78)
    expect(said).toMatch(/palisade\.toml.*(permission|may not be read)/i)
    expect(said.split('\n')).toHaveLength(1)
  })

  it('a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const { code, said } = await run(makeHome({ listenPort: port }))
    other.close()
    expect(code).toBe(1)
    expect(said).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}.*(in use|taken)`))
    expect(said.split('\n')).toHaveLength(1)
  })

  it('a port it has no permission for', async () => {
    const { code, said } = await run(makeHome({ listenPort: 443 }), ['setpriv', ...WITHOUT_PRIVILEGES])
    expect(code).toBe(1)
    expect(said).toMatch(/127\.0\.0\.1:443.*permission/i)
    expect(said.split('\n')).toHaveLength(1)
  })

  it('an unknown command', async () => {
    const { code, said } = await complain(['rum'])
    expect(code).toBe(2)
    expect(said).toMatch(/rum/)
  })

  it('an unknown option', async () => {
    const { code, said } = await complain(['run', '--confg', 'x'])
    expect(code).toBe(2)
    expect(said).toMatch(/--confg/)
  })
})
