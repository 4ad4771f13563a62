import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRuntime } from '../../src/runtime/index.ts'
import { openPeer } from '../../src/runtime/channel.ts'
import { dialHelper } from '../../src/runtime/vault/helper-socket.ts'
import { HelperVault } from '../../src/vault/helper/client.ts'
import type { HelperOrder } from '../../src/vault/helper/order.ts'
import { PIN, SOFTHSM, softhsmEnvironment, TOKEN } from './softhsm.ts'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')
const TIMEOUT_MS = 10_000
const TEXT = `
[[secret]]
name = "other"
key = "99999999999999999999999999999999"
modes = ["plain"]
[hsm]
module = "${SOFTHSM}"
token = "${TOKEN}"
pin = "env:HELPER_PIN"
sessions = 3
provider = "helper"
`

/** A vault helper as the proxy starts it, on the runtime we are on, with the token in use. */
export class RealHelper {
  readonly vault: HelperVault
  readonly #end: () => Promise<void>

  private constructor(vault: HelperVault, end: () => Promise<void>) {
    this.vault = vault
    this.#end = end
  }

  static async start(): Promise<RealHelper> {
    const folder = mkdtempSync(join(tmpdir(), 'palisade-helper-'))
    const path = join(folder, 'vault.sock')
    const child = spawn(process.execPath, [MAIN, 'vault-helper'], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      env: { ...process.env, ...softhsmEnvironment(), HELPER_PIN: PIN },
    })
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const { clock } = createRuntime()
    await new Promise<void>((resolve, reject) => {
      const peer = openPeer(child.stdio[3] as Socket, {
        services: {},
        notes: { ready: () => resolve(), failed: (failure) => reject(new Error(JSON.stringify(failure))) },
        onEnd: () => reject(new Error('the helper ended')),
      })
      const order: HelperOrder = {
        file: join(folder, 'p.toml'),
        text: TEXT,
        sets: ['log.level=error'],
        stateFolder: folder,
        path,
      }
      peer.tell('begin', order)
    })
    const opened = Promise.withResolvers<void>()
    const vault = new HelperVault({
      ...{ now: () => clock.mono(), timeoutMs: TIMEOUT_MS, onOpen: opened.resolve },
      dial: (events) => dialHelper(path, events),
    })
    await opened.promise
    const ticking = setInterval(() => vault.tick(), 50)
    return new RealHelper(vault, async () => {
      clearInterval(ticking)
      vault.close()
      ;(child.stdio[3] as Socket).destroy()
      await gone
      rmSync(folder, { recursive: true, force: true })
    })
  }

  close(): Promise<void> {
    return this.#end()
  }
}
