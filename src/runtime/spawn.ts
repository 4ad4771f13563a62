import { spawn, type ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'
import { errorCode } from './network.ts'

export interface SelfOptions {
  /** What follows the program's own file. */
  readonly args: readonly string[]
  /** Given to it from descriptor 4 on; 3 is the channel. They stay ours as well. */
  readonly descriptors: readonly number[]
  readonly env?: Readonly<Record<string, string>>
  /** Once. `why` is for a log: an exit code, a signal, or why it could not start. */
  readonly onGone: (why: Readonly<Record<string, string | number>>) => void
}

export interface SelfProcess {
  /** 0 when it could not be started. */
  readonly pid: number
  readonly channel: Socket
  kill(): void
}

/** How long the end of the channel may come after that of the process: it is read to its end before `onGone`. */
const CHANNEL_END_MS = 1000

/** Starts this program once more, on the runtime we are on, with the files as they are on the disk now. Never throws. */
export function spawnSelf(options: SelfOptions): SelfProcess {
  try {
    return follow(start(options), options.onGone)
  } catch (error) {
    setImmediate(() => options.onGone({ error: errorCode(error) }))
    return { pid: 0, channel: deadChannel(), kill() {} }
  }
}

function start({ args, descriptors, env = {} }: SelfOptions): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, process.argv[1], ...args], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', ...descriptors],
    env: { ...process.env, ...env },
  })
}

function follow(child: ChildProcess, onGone: SelfOptions['onGone']): SelfProcess {
  // Out of descriptors, Node has not even the list.
  const stdio = child.stdio as ChildProcess['stdio'] | undefined
  const channel = (stdio?.[3] as Socket | null | undefined) ?? deadChannel()
  let why: Readonly<Record<string, string | number>> | undefined
  let isTold = false
  const tell = () => {
    if (isTold || why === undefined) return
    isTold = true
    onGone(why)
  }
  const ended = (how: Readonly<Record<string, string | number>>) => {
    why ??= how
    if (channel.closed || channel.destroyed) tell()
    else setTimeout(tell, CHANNEL_END_MS).unref()
  }
  channel.once('close', tell)
  child.once('exit', (code, signal) => ended(signal === null ? { code: code ?? 0 } : { signal }))
  child.once('error', (error) => ended({ error: errorCode(error) }))
  return { pid: child.pid ?? 0, channel, kill: () => void child.kill('SIGKILL') }
}

function deadChannel(): Socket {
  return new Socket().destroy()
}
