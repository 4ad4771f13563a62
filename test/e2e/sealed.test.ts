import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeToken, newTokens, removeTokens } from '../contract/softhsm.ts'
import { runToEnd } from './child.ts'
import { configText, SECRETS } from './config.ts'
import { HSM_ENVIRONMENT, hsmTable, importSecret, labelled } from './hsm.ts'
import { Home, PALISADE, Program, RUNTIMES } from './program.ts'

const [ONE] = SECRETS
/** Anybody's ban, and how its bytes look in the store. */
const BANNED = '2001:db8:1234:5678::/64'
const BYTES = Buffer.from('b80d012078563412', 'hex')

afterAll(removeTokens)

describe.each(RUNTIMES.flatMap((runtime) => [1, 2].map((workers) => ({ runtime, workers }))))(
  'a sealed state, on $runtime with $workers at work',
  ({ runtime, workers }) => {
    let home: Home
    let program: Program | undefined
    beforeEach(() => {
      newTokens()
      makeToken()
      home = new Home(config(''))
    })
    afterEach(async () => {
      await program?.stop()
      home.remove()
    })

    /** A secret lies in the token too: the module is used for the seal first, and then for it and for random numbers. */
    function config(sealed: string): string {
      const more = `${hsmTable()}\nrandom = true\n[state]\nsealed = "${sealed}"`
      return configText({ dcPort: 1, maskPort: 1, secrets: labelled([ONE]), listen: `workers = ${workers}`, more })
    }
    const palisade = (...args: string[]) =>
      runToEnd('sh', [PALISADE, ...args, '--config', home.configFile, '--runtime', runtime], { env: HSM_ENVIRONMENT })
    const start = async () => (program = await Program.start(home, runtime, { environment: HSM_ENVIRONMENT }))
    const stored = (folder: string) =>
      readdirSync(join(home.folder, 'state', folder), { recursive: true, withFileTypes: true })
        .filter((file) => file.isFile())
        .map(({ parentPath, name }) => readFileSync(join(parentPath, name)))

    it('is not readable on the disk and is whole after a restart, also what was in the clear before', async () => {
      await importSecret(runtime, ONE)
      await start()
      expect((await palisade('ban', BANNED)).code).toBe(0)
      await program?.stop()
      expect(stored('store').some((file) => file.includes(BYTES))).toBe(true)

      expect((await palisade('hsm', 'seal-key', '--label', 'state')).stdout).toMatch(/use it with sealed = "hsm:state"/)
      home.configure(config('hsm:state'))
      for (let starts = 0; starts < 2; starts++) {
        await start()
        expect((await palisade('bans')).stdout).toContain(BANNED)
        expect((await palisade('ban', `192.0.2.${starts}`)).code).toBe(0)
        await program?.stop()
      }
      expect(readdirSync(join(home.folder, 'state'))).not.toContain('store')
      expect(stored('sealed').some((file) => file.includes(BYTES))).toBe(false)

      expect(program?.log.all.map(({ event }) => event)).not.toContain('hsm.random-lost')
      // The mapped tables are gone, as after a loss of power: what is known now comes from the store.
      await runToEnd('rm', ['-r', join(home.folder, 'state/shared')])
      await start()
      const { stdout } = await palisade('bans')
      for (const one of [BANNED, '192.0.2.0', '192.0.2.1']) expect(stdout).toContain(one)
    })

    it('does not start with another key, and says so in one line', async () => {
      await importSecret(runtime, ONE)
      for (const label of ['state', 'other']) await palisade('hsm', 'seal-key', '--label', label)
      home.configure(config('hsm:state'))
      await start()
      await program?.stop()
      for (const [sealed, why] of [
        ['hsm:other', /does not open/],
        ['hsm:none', /there is none of that name; make it with: palisade hsm seal-key --label none/],
        ['', /expected the key that .*sealed is sealed with/],
      ] as const) {
        home.configure(config(sealed))
        const { code, stderr } = await palisade('run')
        expect(code).toBe(78)
        expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/state\.sealed: /)])
        expect(stderr).toMatch(why)
      }
    })
  },
)
