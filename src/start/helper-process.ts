import { load, type LoadedConfig } from '../config/load.ts'
import type { Log } from '../observe/log.ts'
import { openPeer } from '../runtime/channel.ts'
import { Closing } from '../runtime/closing.ts'
import { createRuntime } from '../runtime/index.ts'
import { CHANNEL_FD } from '../runtime/inherited.ts'
import { sharedFolder } from '../runtime/shared-memory.ts'
import { serveHelper } from '../runtime/vault/helper-socket.ts'
import type { Pkcs11Token } from '../runtime/vault/token.ts'
import { HelperDesks } from '../vault/helper/desks.ts'
import type { HelperFailure, HelperOrder, LabelFaults } from '../vault/helper/order.ts'
import type { HsmEvents, HsmVault } from '../vault/hsm.ts'
import { TokenError } from '../vault/token.ts'
import { ConfigFault, OnlySealed, StartError } from './errors.ts'
import { farewell } from './farewell.ts'
import { HsmWatch } from './hsm-watch.ts'
import { openHsm, openPinWatch } from './hsm.ts'

/** Signs of life that are nobody's answer come at most this often. */
const SIGN_EVERY_MS = 500
/** How soon the processes of the proxy are told that the token has gone, or is back. */
const LOOK_MS = 100

export type HelperEnd = 'served' | 'failed' | 'config-wrong'

/**
 * The vault helper: has the module and the token, and uses secrets for the processes of the proxy, which ask over a Unix socket. Settles
 * when it has ended, which it does with the process at the other end of the channel.
 */
export async function helpVault(createLog: (loaded: LoadedConfig) => Log): Promise<HelperEnd> {
  const ending = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<HelperOrder>()
  const runtime = createRuntime()
  const now = () => runtime.clock.mono()
  let vault: HsmVault | undefined
  let desks: HelperDesks | undefined
  const channel = runtime.openChannel(CHANNEL_FD)
  const peer = openPeer(channel, {
    services: { faults: (labels) => faultsOf(vault, labels) },
    notes: {
      begin: (order) => begun.resolve(order as HelperOrder),
      ping: () => peer.tell('pong'),
    },
    onEnd: () => {
      begun.reject(new StartError('whoever started us is gone'))
      ending.resolve()
    },
  })
  const closing = new Closing()
  let end: HelperEnd = 'served'
  try {
    const order = await begun.promise
    const loaded = loadAgain(order)
    const log = createLog(loaded)
    const memory = runtime.openSharedMemory(sharedFolder(order.stateFolder))
    closing.add(() => memory.close(false))
    // While we wait for the module nothing else of us runs, and a ping goes unanswered. So each call that returned is a sign of life.
    let signedAt = now()
    const onReturn = () => {
      if (now() - signedAt < SIGN_EVERY_MS) return
      signedAt = now()
      peer.tell('pong')
    }
    const told = new HsmWatch({ log, now, emit: (event) => log.emit(event) }).events
    const events: HsmEvents = {
      ...told,
      onError(error) {
        told.onError(error)
        desks?.tell({ kind: 'error', code: error.code })
      },
      onPinRefused() {
        told.onPinRefused()
        desks?.tell({ kind: 'pin-refused' })
      },
    }
    const wall = () => runtime.clock.wall()
    const pin = openPinWatch(memory)
    const open = openHsm({ loaded, log, closing, now, wall, pin, provider: 'helper', events, onReturn })
    vault = open.vault
    const opened = new HelperDesks({ vault, now, random: (count) => randomOf(open.token, count) })
    desks = opened
    const looking = setInterval(() => opened.look(), LOOK_MS)
    closing.add(() => clearInterval(looking))
    const server = await serveHelper(order.path, (write) => opened.open(write))
    if ('error' in server) throw new StartError(`cannot listen on ${order.path}: ${server.error}`)
    closing.add(() => server.close())
    peer.tell('ready')
    await ending.promise
  } catch (error) {
    const isConfig = error instanceof ConfigFault
    end = isConfig ? 'config-wrong' : 'failed'
    const message = error instanceof StartError ? error.message : String((error as Error).stack)
    const failure: HelperFailure = {
      message,
      ...(isConfig && { problems: error.problems }),
      ...(error instanceof OnlySealed && { onlySealed: error.why }),
    }
    peer.tell('failed', failure)
  }
  closing.run()
  await closing.done
  await farewell(channel)
  return end
}

/** Throws a `StartError`: a key file may have gone since it was read. */
function loadAgain(order: HelperOrder): LoadedConfig {
  const result = load(order)
  if ('problems' in result) throw new ConfigFault(result.problems)
  return result
}

function faultsOf(vault: HsmVault | undefined, labels: unknown): LabelFaults {
  if (vault === undefined || !Array.isArray(labels)) throw new Error('still starting')
  return labels.map((label) => vault.faultOf(String(label)) ?? null)
}

/** Undefined where the token gives none; the vault finds out by itself what is wrong with it. */
function randomOf(token: Pkcs11Token, count: number): Uint8Array | undefined {
  try {
    return token.use((session, module) =>
      module.call('C_GenerateRandom', (native) => native.C_GenerateRandom(session, Buffer.alloc(count))),
    )
  } catch (error) {
    if (error instanceof TokenError) return undefined
    throw error
  }
}
