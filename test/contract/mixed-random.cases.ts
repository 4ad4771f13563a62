import assert from 'node:assert/strict'
import { load } from '../../src/config/load.ts'
import type { Log } from '../../src/observe/log.ts'
import { SystemRandom } from '../../src/runtime/random.ts'
import type { Pkcs11Token } from '../../src/runtime/vault/token.ts'
import { mixRandom } from '../../src/start/random.ts'
import { TokenError } from '../../src/vault/token.ts'
import type { Case } from './contract.ts'
import { inToken, nss, softhsm } from './modules.ts'

/** `hsm.random` with real modules. */

const MINUTE_MS = 60_000

export const mixedRandomCases: readonly Case<void>[] = [softhsm, nss].flatMap((module) => [
  {
    name: `${module.name}: its generator passes the health tests, is asked once a minute, and its loss is told once`,
    run: () =>
      inToken(module, (token) => {
        let calls = 0
        let isBroken = false
        const watched = watch(token, () => {
          calls++
          if (isBroken) throw new TokenError('C_GenerateRandom', 'CKR_DEVICE_ERROR')
        })
        const scene = mixed(watched)
        assert.deepEqual(scene.told, [])
        const first = calls
        for (let i = 0; i < 100; i++) scene.random.fill(new Uint8Array(1000))
        assert.equal(calls, first)
        for (let minute = 0; minute < 200; minute++) scene.after(MINUTE_MS)
        assert.equal(calls, first + 200)
        assert.deepEqual(scene.told, [])
        isBroken = true
        for (let minute = 0; minute < 3; minute++) scene.after(MINUTE_MS)
        assert.deepEqual(scene.told, ['hsm.random-lost'])
        assert.notDeepEqual(scene.random.fill(new Uint8Array(32)), scene.random.fill(new Uint8Array(32)))
        isBroken = false
        scene.after(MINUTE_MS)
        assert.deepEqual(scene.told, ['hsm.random-lost', 'hsm.random-back'])
      }),
  },
])

/** The token, with a look before each use of a session. */
function watch(token: Pkcs11Token, before: () => void): Pkcs11Token {
  return new Proxy(token, {
    get(target, name) {
      if (name !== 'use') throw new Error(`${String(name)} is not expected`)
      const use: Pkcs11Token['use'] = (work) => {
        before()
        return target.use(work)
      }
      return use
    },
  })
}

function mixed(token: Pkcs11Token) {
  const text = `[[secret]]\nname = "a"\nkey = "${'01'.repeat(16)}"\nmodes = ["plain"]
[hsm]\nmodule = "/x.so"\ntoken = "t"\npin = "env:PIN"\nprovider = "inproc"\nrandom = true\n`
  const loaded = load({ text, file: 'palisade.toml' })
  assert.ok(!('problems' in loaded), JSON.stringify(loaded))
  const told: string[] = []
  const log = { write: (_level: string, event: string) => told.push(event) } as unknown as Log
  const random = new SystemRandom()
  let now = 0
  mixRandom({ loaded, token, random, log, now: () => now })
  return {
    ...{ random, told },
    after(ms: number) {
      now += ms
      random.renew()
    },
  }
}
