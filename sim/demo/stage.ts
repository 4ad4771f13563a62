import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Address, Handler, Connection } from '../../src/core/ports.ts'
import { createRuntime, type Runtime } from '../../src/runtime/index.ts'
import { MaskSite } from '../telegram/mask-site.ts'
import { startSimulatedTelegram } from '../telegram/serve.ts'

export const DOMAIN = 'www.example.com'
const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')
const START_MS = 20_000

export interface DemoSecret {
  readonly mode: 'plain' | 'padded' | 'fake-tls'
  readonly key: Uint8Array
}

/** Everything there is to see: Telegram and a web site on loopback, and the real program between them. */
export interface Stage {
  readonly runtime: Runtime
  readonly proxy: Address
  readonly secrets: readonly DemoSecret[]
  /** What the proxy's metrics page says now. */
  metrics(): Promise<string>
  /** Drains the proxy, waits for its end, and removes its folder where nothing is recorded. */
  close(): Promise<void>
}

/** With `record` that folder holds configuration, state and trace, and stays. */
export async function openStage(record?: string): Promise<Stage> {
  const runtime = createRuntime()
  const secrets = (['plain', 'padded', 'fake-tls'] as const).map((mode) => ({
    mode,
    key: runtime.random.fill(new Uint8Array(16)),
  }))
  const telegram = await startSimulatedTelegram({ host: '127.0.0.1', port: 0 })
  const site = new MaskSite({ name: DOMAIN, after: (ms, run) => timer(ms, run) })
  const siteAt = await listen(runtime, site.accept)
  const folder = record ?? mkdtempSync(join(tmpdir(), 'palisade-demo-'))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, 'palisade.toml')
  const text = configText(secrets, telegram.address, siteAt)
  writeFileSync(file, record === undefined ? text : `${text}\n[trace]\npath = "trace"\n`, { mode: 0o600 })
  const child = spawn(process.execPath, [MAIN, 'run', '--config', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  const { proxy, metricsAt } = await listeningOf(child)
  return {
    runtime,
    proxy,
    secrets,
    async metrics() {
      const response = await fetch(`http://${metricsAt}/metrics`, { signal: AbortSignal.timeout(5_000) })
      return response.text()
    },
    async close() {
      child.kill('SIGTERM')
      child.kill('SIGTERM')
      await ended
      if (record === undefined) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Where it listens, as its log says; fails with its last words when it ends instead. */
function listeningOf(child: ChildProcess): Promise<{ proxy: Address; metricsAt: string }> {
  return new Promise((resolve, reject) => {
    const last: string[] = []
    let proxy: Address | undefined
    let metricsAt = ''
    const late = timer(START_MS, () => reject(new Error('the proxy did not start in time')))
    child.on('close', () => reject(new Error(`the proxy ended: ${last.join(' ')}`)))
    if (child.stderr === null) return
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (last.push(line) > 3) last.shift()
      const event = readEvent(line)
      if (event.event === 'listening') proxy = { ip: '127.0.0.1', port: Number(event.port) }
      if (event.event === 'metrics.listening') metricsAt = String(event.address)
      if (proxy === undefined || metricsAt === '') return
      late.cancel()
      resolve({ proxy, metricsAt })
    })
  })
}

function readEvent(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return {}
  }
}

function listen(runtime: Runtime, accept: (connection: Connection) => Handler): Promise<Address> {
  return new Promise((resolve, reject) => {
    runtime.network.listen({ host: '127.0.0.1', port: 0, backlog: 128 }, accept, (result) => {
      if ('error' in result) reject(new Error(result.error.message))
      else resolve(result.address)
    })
  })
}

function configText(secrets: readonly DemoSecret[], dc: Address, site: Address): string {
  const users = secrets.map(
    ({ mode, key }) => `[[secret]]
name = "${mode}"
key = "${Buffer.from(key).toString('hex')}"
modes = ["${mode}"]
${mode === 'fake-tls' ? `domain = "${DOMAIN}"` : ''}`,
  )
  return `[listen]
address = ["127.0.0.1:0"]
drain_timeout = "1s"

${users.join('\n')}
[mask]
host = "${site.ip}"
port = ${site.port}

[telegram.dc]
${[1, 2, 3, 4, 5].map((id) => `${id} = ["${dc.ip}:${dc.port}"]`).join('\n')}

[metrics]
listen = "127.0.0.1:0"
`
}

export function timer(ms: number, run: () => void): { cancel(): void } {
  const handle = setTimeout(run, ms)
  return { cancel: () => clearTimeout(handle) }
}
