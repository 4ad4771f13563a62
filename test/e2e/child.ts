import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { Inbox, within } from './wait.ts'

export const ROOT = join(import.meta.dirname, '../..')
export const NODE = join(ROOT, 'node_modules/.bin/node')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface SpawnOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Written to its stdin, which is then closed. Without it stdin stays open. */
  readonly input?: string
  /** Given to it from descriptor 3 on. */
  readonly descriptors?: readonly number[]
  /** Told each line of stderr as well. */
  readonly onErrorLine?: (line: string) => void
}

/** A child process whose output is kept line by line. */
export class Child {
  readonly process: ChildProcess
  readonly stdout = new Inbox<string>()
  readonly stderr = new Inbox<string>()
  readonly ended: Promise<Ended>

  constructor(command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.process = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe', ...(options.descriptors ?? [])],
    })
    this.process.stdin!.on('error', () => {})
    if (options.input !== undefined) this.process.stdin!.end(options.input)
    createInterface(this.process.stdout!).on('line', (line) => this.stdout.add(line))
    createInterface(this.process.stderr!).on('line', (line) => {
      this.stderr.add(line)
      options.onErrorLine?.(line)
    })
    this.ended = new Promise((resolve, reject) => {
      this.process.once('error', reject)
      this.process.once('close', (code, signal) => resolve({ code, signal }))
    })
    // Whoever waits is told; nobody has to.
    this.ended.catch(() => {})
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  say(line: string): void {
    this.process.stdin!.write(`${line}\n`)
  }

  signal(name: NodeJS.Signals): void {
    this.process.kill(name)
  }

  /** Waits for its end; a child that outlives the bound is killed, and that is an error with its last words. */
  async finish(limitMs: number): Promise<Ended> {
    try {
      return await within(limitMs, this.process.spawnargs.join(' '), this.ended)
    } catch (error) {
      this.process.kill('SIGKILL')
      throw new Error(`${String(error)}\n${this.stderr.all.slice(-20).join('\n')}`, { cause: error })
    }
  }

  /** Its end whatever it takes, for clean-up. */
  async kill(): Promise<void> {
    if (this.isRunning) this.process.kill('SIGKILL')
    await this.ended.catch(() => {})
  }
}

/** Runs a command to its end; returns exit code and both outputs. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  options: SpawnOptions & { readonly limitMs?: number } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = new Child(command, args, { input: '', ...options })
  const { code } = await child.finish(options.limitMs ?? 30_000)
  return { code, stdout: child.stdout.all.join('\n'), stderr: child.stderr.all.join('\n') }
}
