import { z } from 'zod'
import type { ReloadResult } from '../config/live.ts'
import type { Provider } from '../config/provider.ts'
import type { Desk } from './desk.ts'
import { REQUESTS, type Request, type RequestName } from './requests.ts'

/** What a running proxy tells about itself; the answer of `palisade status --json`. */
export interface Status {
  readonly pid: number
  readonly version: string
  readonly runtime: string
  readonly state: 'running' | 'draining'
  readonly config: string
  /** As bound, such as `0.0.0.0:443`. */
  readonly listening: readonly string[]
  /** Empty: off. */
  readonly metrics: string
  readonly uptime_sec: number
  readonly open: number
  readonly accepted: number
  readonly bytes: { readonly client_to_dc: number; readonly dc_to_client: number }
  readonly secrets: readonly string[]
  /** Where there is an HSM: whether every process that uses it gets answers. */
  readonly vault?: VaultState
  /** Where secrets of a token are used; `helper_pid` is missing while there is no helper process. */
  readonly hsm: { readonly provider: Provider; readonly helper_pid?: number }
  /** Those configured, and those that still have connections. */
  readonly users: readonly UserStatus[]
  /** Every process that relays, those that drain for a newer one included. */
  readonly workers: readonly WorkerStatus[]
}

export type VaultState = 'answers' | 'gone'

/** What one user has now, over all processes. */
export interface UserStatus {
  readonly name: string
  readonly connections: number
  /** Distinct ones with a connection. */
  readonly addresses: number
  /** Bytes in the period that is now; absent without a quota. */
  readonly quota?: { readonly used: number; readonly of: number; readonly period: string }
}

/** What one process that relays tells about itself. */
export interface WorkerStatus {
  readonly pid: number
  /** Its place in the shared tables. */
  readonly column: number
  readonly state: 'starting' | 'running' | 'draining' | 'stopping'
  readonly open: number
  readonly accepted: number
  readonly bytes: { readonly client_to_dc: number; readonly dc_to_client: number }
  readonly vault?: VaultState
}

/** What local commands may do to a running proxy. */
export interface Control {
  status(): Status | Promise<Status>
  reload(): ReloadResult | Promise<ReloadResult>
  /** Begins the drain, if it has not begun yet. */
  drain(): void
  /** Begins to replace all worker processes, one after the other; a text says why not. */
  restart(): string | undefined
  /** For commands with arguments. */
  readonly desk: Desk
}

export const COMMANDS = [
  ...(['status', 'reload', 'drain', 'restart'] as const),
  ...(Object.keys(REQUESTS) as RequestName[]),
] as const
export type CommandName = (typeof COMMANDS)[number]

export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: string; readonly problems?: readonly string[] }

/** One request, one answer, each a line of JSON: `{"command":"kill","args":{"ids":["0.17"]}}`. Never rejects. */
export async function answerCommand(line: string, control: Control): Promise<Answer> {
  const { name, args } = readCommand(line)
  if (isForDesk(name)) return atDesk(name, args, control.desk)
  switch (name) {
    case 'status':
      return { ok: true, result: await control.status() }
    case 'reload': {
      const result = await control.reload()
      if (result.ok) return { ok: true, result: { applied: result.applied, cold: result.cold } }
      return {
        ok: false,
        error: 'the new configuration has problems; the old one stays in force',
        problems: result.problems,
      }
    }
    case 'drain': {
      control.drain()
      return { ok: true, result: { open: (await control.status()).open } }
    }
    case 'restart': {
      const why = control.restart()
      if (why !== undefined) return { ok: false, error: why }
      const { workers } = await control.status()
      return { ok: true, result: { workers: workers.filter(({ state }) => state === 'running').length } }
    }
    case undefined:
      return { ok: false, error: `expected {"command": NAME}, with one of ${COMMANDS.join(', ')}` }
  }
}

function isForDesk(name: CommandName | undefined): name is RequestName {
  return name !== undefined && Object.hasOwn(REQUESTS, name)
}

async function atDesk<N extends RequestName>(name: N, args: unknown, desk: Desk): Promise<Answer> {
  const read = REQUESTS[name].safeParse(args)
  if (!read.success) return { ok: false, error: `${name}: ${oneLine(read.error)}` }
  try {
    const answer = desk[name].bind(desk) as (request: Request<N>) => Promise<unknown>
    return { ok: true, result: await answer(read.data as Request<N>) }
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}

function oneLine({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => [...path.map(String), message].join(': ')).join('; ')
}

function readCommand(line: string): { readonly name?: CommandName | undefined; readonly args?: unknown } {
  try {
    const request: unknown = JSON.parse(line)
    if (typeof request !== 'object' || request === null || !('command' in request)) return {}
    const name = COMMANDS.find((known) => known === request.command)
    return { name, args: 'args' in request ? request.args : {} }
  } catch {
    return {}
  }
}
