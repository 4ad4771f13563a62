import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { drawOptions } from '../scenarios/options.ts'
import { readCase, type Case } from './case.ts'
import type { Outcome } from './outcome.ts'
import type { Task } from './worker.ts'

export interface ChildOptions {
  /** Executable of the runtime; the one that runs us unless said. */
  readonly runtime?: string
  /** Another tree's sim/swarm/worker.ts. */
  readonly script?: string
  /** How long a case may take, in ms; one more for each of its strangers. */
  readonly silenceMs?: number
}

interface Waiting {
  readonly task: Task
  readonly tell: (outcome: Outcome) => void
}

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url))
/** A case takes a tenth of a second. */
const SILENCE_MS = 240_000

/**
 * A process that runs what it is asked, one case after the other. One that dies, or says nothing for too long, has failed the case that it
 * was about, and another one takes over the rest.
 */
export class Child {
  readonly #options: ChildOptions
  readonly #waiting: Waiting[] = []
  #process: ChildProcess | undefined
  #watch: NodeJS.Timeout | undefined
  #isEnded = false

  constructor(options: ChildOptions = {}) {
    this.#options = options
  }

  /** Never fails: what befalls the process is a violation of the case. */
  ask(task: Task): Promise<Outcome> {
    return new Promise((tell) => {
      this.#waiting.push({ task, tell })
      if (this.#process === undefined) this.#start()
      else this.#send(task)
      if (this.#waiting.length === 1) this.#rewatch()
    })
  }

  /** Once nothing is asked any more. */
  end(): void {
    this.#isEnded = true
    this.#process?.stdin?.end()
  }

  /** At once; what was asked is never answered. */
  kill(): void {
    this.#isEnded = true
    this.#waiting.length = 0
    clearTimeout(this.#watch)
    this.#process?.kill('SIGKILL')
  }

  #start(): void {
    const { runtime = process.execPath, script = WORKER } = this.#options
    const child = spawn(runtime, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process = child
    // What can go wrong there shows in how it ends.
    child.stdin.on('error', () => {})
    createInterface({ input: child.stdout }).on('line', (line) => this.#answered(line))
    child.on('error', (error) => this.#gone(child, `could not be started: ${error.message}`))
    child.on('close', (code, signal) => this.#gone(child, `ended with ${signal ?? code}`))
    for (const { task } of this.#waiting) this.#send(task)
  }

  #send(task: Task): void {
    this.#process?.stdin?.write(`${JSON.stringify(task)}\n`)
  }

  #answered(line: string): void {
    const outcome = outcomeOf(line)
    if (outcome === undefined) return
    const waiting = this.#waiting.shift()
    this.#rewatch()
    waiting?.tell(outcome)
  }

  #gone(child: ChildProcess, why: string): void {
    if (this.#process !== child) return
    this.#process = undefined
    const waiting = this.#waiting.shift()
    this.#rewatch()
    waiting?.tell(broken(waiting.task, `the process that ran it ${why}`))
    if (this.#waiting.length > 0 && this.#process === undefined) this.#start()
    if (this.#isEnded) this.end()
  }

  /** Begins to wait for the next answer, if there is one to come. */
  #rewatch(): void {
    clearTimeout(this.#watch)
    if (this.#waiting.length === 0) return
    const { strangers = 0 } = readCase(this.#waiting[0].task.case) as Case
    const silenceMs = (this.#options.silenceMs ?? SILENCE_MS) + strangers
    this.#watch = setTimeout(() => this.#process?.kill('SIGKILL'), silenceMs)
  }
}

/** Undefined for the half line that a process leaves which dies. */
function outcomeOf(line: string): Outcome | undefined {
  try {
    return JSON.parse(line) as Outcome
  } catch {
    return undefined
  }
}

/** Of a case that no process could run. */
function broken({ case: text }: Task, what: string): Outcome {
  const { seed } = readCase(text) as Case
  return {
    ...{ seed, case: text, profile: drawOptions(seed).profile, hash: '', events: 0 },
    ...{ reached: [], came: { talks: 0, probes: 0 }, last: [] },
    violations: [{ invariant: 'run', what, atMs: 0 }],
  }
}
