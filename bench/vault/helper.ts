import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPeer } from '../../src/runtime/channel.ts'
import { createRuntime } from '../../src/runtime/index.ts'
import { dialHelper } from '../../src/runtime/vault/helper-socket.ts'
import { HelperVault, type Link, type LinkEvents } from '../../src/vault/helper/client.ts'
import type { HelperOrder } from '../../src/vault/helper/order.ts'
import { inRoot } from '../process.ts'
import { hsmTable } from './proxy.ts'
import type { BenchToken } from './tokens.ts'

const TICK_MS = 50
const TIMEOUT_MS = 10_000

export interface StartedHelper {
  readonly vault: HelperVault
  /** Frames that were written to it so far. */
  readonly frames: () => number
  stop(): Promise<void>
}

/** A vault helper as the proxy starts it, on the runtime we are on. */
export async function startHelper(token: BenchToken): Promise<StartedHelper> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-helper-'))
  const path = join(folder, 'vault.sock')
  const child = spawn(process.execPath, [inRoot('src/cli/main.ts'), 'vault-helper'], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  })
  const channel = child.stdio[3] as Socket
  const gone = new Promise((resolve) => child.once('exit', resolve))
  await new Promise<void>((resolve, reject) => {
    const peer = openPeer(channel, {
      services: {},
      notes: { ready: () => resolve(), failed: (failure) => reject(new Error(JSON.stringify(failure))) },
      onEnd: () => reject(new Error('the helper ended')),
    })
    const order: HelperOrder = {
      ...{ file: join(folder, 'palisade.toml'), text: textFor(token), sets: ['log.level=error'] },
      ...{ stateFolder: folder, path },
    }
    peer.tell('begin', order)
  })
  const opened = Promise.withResolvers<void>()
  let frames = 0
  const { clock } = createRuntime()
  const vault = new HelperVault({
    ...{ now: () => clock.mono(), timeoutMs: TIMEOUT_MS, onOpen: opened.resolve },
    dial: (events) => counted(path, events, () => frames++),
  })
  await opened.promise
  const ticking = setInterval(() => vault.tick(), TICK_MS)
  const stop = async () => {
    clearInterval(ticking)
    vault.close()
    channel.destroy()
    await gone
    rmSync(folder, { recursive: true, force: true })
  }
  return { vault, frames: () => frames, stop }
}

/** The vault writes one whole frame at a time. */
function counted(path: string, events: LinkEvents, onFrame: () => void): Link {
  const link = dialHelper(path, events)
  return {
    get waitingBytes() {
      return link.waitingBytes
    },
    write(bytes) {
      onFrame()
      link.write(bytes)
    },
    close: () => link.close(),
  }
}

function textFor(token: BenchToken): string {
  return `[[secret]]\nname = "other"\nkey = "${'99'.repeat(16)}"\nmodes = ["plain"]\n${hsmTable(token, 'helper')}`
}
