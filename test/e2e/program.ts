import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child, ROOT, type Ended } from './child.ts'
import { Inbox } from './wait.ts'

export type RuntimeName = 'bun' | 'node'
export const RUNTIMES: readonly RuntimeName[] = ['bun', 'node']
export const PALISADE = join(ROOT, 'bin/palisade')

/** Long enough for a loaded machine; what takes longer than this is broken. */
export const START_MS = 20_000

export interface LogLine {
  readonly event: string
  readonly [field: string]: unknown
}

/** A folder with a configuration file, where the program also keeps its state. Survives restarts; `remove` ends it. */
export class Home {
  readonly folder = mkdtempSync(join(tmpdir(), 'palisade-e2e-'))
  readonly configFile = join(this.folder, 'palisade.toml')

  constructor(config: string) {
    this.configure(config)
  }
  configure(config: string): void {
    writeFileSync(this.configFile, config, { mode: 0o600 })
  }
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Environment for a run: on Node the lines it reached are recorded, for `npm run coverage:e2e`. */
export function environmentFor(runtime: RuntimeName): Record<string, string> {
  return runtime === 'node' ? { NODE_V8_COVERAGE: join(ROOT, 'coverage/e2e') } : {}
}

export interface ProgramOptions {
  readonly environment?: Readonly<Record<string, string>>
  /** How many it may open. */
  readonly descriptors?: number
}

/** The real program, started as an operator would. */
export class Program {
  readonly log = new Inbox<LogLine>()
  readonly #child: Child
  #port = 0

  private constructor(home: Home, runtime: RuntimeName, { environment = {}, descriptors }: ProgramOptions) {
    const limit = descriptors === undefined ? [] : ['-c', `ulimit -n ${descriptors}; exec sh "$@"`, 'sh']
    const args = [...limit, PALISADE, 'run', '--config', home.configFile, '--runtime', runtime]
    const onErrorLine = (line: string) => {
      const parsed = parseLog(line)
      if (parsed !== undefined) this.log.add(parsed)
    }
    this.#child = new Child('sh', args, { env: { ...environmentFor(runtime), ...environment }, onErrorLine })
  }

  /** Returns once it listens; fails with its last words when it does not. */
  static async start(home: Home, runtime: RuntimeName, options: ProgramOptions = {}): Promise<Program> {
    const program = new Program(home, runtime, options)
    const child = program.#child
    try {
      const died = child.ended.then(({ code }) => Promise.reject(new Error(`it ended with code ${code}`)))
      const line = await Promise.race([program.log.next(START_MS, 'start', ({ event }) => event === 'listening'), died])
      program.#port = portOf(line)
    } catch (error) {
      await child.kill()
      throw new Error(`${String(error)}\n${child.stderr.all.join('\n')}`, { cause: error })
    }
    return program
  }

  /** Of its first listener. */
  get port(): number {
    return this.#port
  }
  get pid(): number {
    return this.#child.process.pid!
  }
  get isRunning(): boolean {
    return this.#child.isRunning
  }
  get output(): string {
    return [...this.#child.stdout.all, ...this.#child.stderr.all].join('\n')
  }

  signal(name: NodeJS.Signals): void {
    this.#child.signal(name)
  }
  /** Waits for a log line of this event, from line `from` on. */
  event(name: string, from = 0, limitMs = 10_000): Promise<LogLine> {
    return this.log.next(limitMs, `log event ${name}`, ({ event }) => event === name, from)
  }
  /** As a scraper reads them. */
  async metrics(): Promise<string> {
    const { address } = await this.event('metrics.listening')
    return (await fetch(`http://${String(address)}/metrics`)).text()
  }
  finish(limitMs = 15_000): Promise<Ended> {
    return this.#child.finish(limitMs)
  }
  /** Two SIGTERMs: the first drains, the second does not wait. */
  async stop(): Promise<void> {
    if (!this.isRunning) return
    this.signal('SIGTERM')
    this.signal('SIGTERM')
    await this.finish().catch(() => this.#child.kill())
  }
}

function parseLog(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return undefined
  }
}

function portOf(line: LogLine): number {
  const port = Number(/:(\d+)$/.exec(String(line.address))?.[1] ?? line.port)
  if (!(port > 0)) throw new Error(`no port in ${JSON.stringify(line)}`)
  return port
}
