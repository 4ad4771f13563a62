import type { Libc } from './libc.ts'
import { adoptListenSocket, type ListenSocket } from './listen-sockets.ts'

/** Where sockets begin that a service manager hands over (sd_listen_fds(3)). */
const FIRST_FD = 3
/** What our own kind hands over: `channel sockets`, two numbers; the channel is descriptor 3, the sockets follow it. */
export const HANDOVER_VARIABLE = 'PALISADE_HANDOVER'
const HANDOVER = /^sockets=([0-9]{1,4})$/
const SYSTEMD_VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']

export interface Inherited {
  readonly sockets: readonly ListenSocket[]
  /** `predecessor`: an older Palisade, which waits at the other end of the channel. */
  readonly from: 'nobody' | 'service-manager' | 'predecessor'
}

/** Where the channel to whoever started us is, when it is one of ours. */
export const CHANNEL_FD = 3

/** For the environment of a process that gets a channel at descriptor 3 and `count` sockets behind it. */
export function handoverValue(count: number): string {
  return `sockets=${count}`
}

/**
 * What we were given at our start; an error is one line for the operator. The variables are taken out of `env`, so that no
 * child of ours takes them for its own.
 */
export function takeInherited(
  libc: () => Libc,
  env: Record<string, string | undefined>,
  pid: number,
): Inherited | { readonly error: string } {
  const handover = HANDOVER.exec(env[HANDOVER_VARIABLE] ?? '')
  const isForUs = env.LISTEN_PID === String(pid)
  const count = isForUs ? Number(env.LISTEN_FDS) : 0
  for (const name of [...SYSTEMD_VARIABLES, HANDOVER_VARIABLE]) delete env[name]
  if (handover !== null)
    return adopt(libc(), { first: CHANNEL_FD + 1, count: Number(handover[1]), from: 'predecessor' })
  if (!(count > 0)) return { sockets: [], from: 'nobody' }
  return adopt(libc(), { first: FIRST_FD, count, from: 'service-manager' })
}

interface Range {
  readonly first: number
  readonly count: number
  readonly from: Inherited['from']
}

function adopt(libc: Libc, { first, count, from }: Range): Inherited | { readonly error: string } {
  const sockets: ListenSocket[] = []
  for (let fd = first; fd < first + count; fd++) {
    const socket = adoptListenSocket(libc, fd)
    if (socket === undefined) return { error: `LISTEN_FDS: descriptor ${fd} is no TCP socket that listens` }
    sockets.push(socket)
  }
  return { sockets, from }
}
