import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { RuntimeName } from './report.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** The generator and the subject have a core each, where there are two and `taskset` is there to say so. */
const CORES = { generator: 0, subject: 1 } as const
const canPin = availableParallelism() >= 2 && spawnSync('taskset', ['--version']).status === 0

/** The pinned runtimes of package.json, whatever else is in PATH. */
export function runtimePath(runtime: RuntimeName): string {
  return inRoot(`node_modules/.bin/${runtime}`)
}

export function inRoot(path: string): string {
  return `${ROOT}${path}`
}

/** Starts a program on its core. `taskset` replaces itself by the program, so the child's pid is the program's. */
export function start(
  role: keyof typeof CORES,
  command: string,
  args: readonly string[],
  options: { readonly stdio: StdioOptions; readonly cwd?: string },
): ChildProcess {
  const env = { ...process.env, NO_COLOR: '1' }
  if (!canPin) return spawn(command, args, { ...options, env })
  return spawn('taskset', ['-c', String(CORES[role]), command, ...args], { ...options, env })
}

/** Ends a child and waits until it is gone; one that does not listen within five seconds is killed. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(killer)
}
