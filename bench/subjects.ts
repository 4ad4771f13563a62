import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Greeting, Way } from './load/job.ts'
import { PROXY_SECRET } from './load/proxy-secret.ts'
import { inRoot, runtimePath, start, stop } from './process.ts'
import type { RuntimeName } from './report.ts'

/** A process under measurement. */
export interface Subject {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

const START_LIMIT_MS = 20_000
/** Files of middle proxies are read in the background, within milliseconds. */
const FILES_MS = 500
/** The generator's own secret and DC id (load/opening.ts). */
const KEY = '00112233445566778899aabbccddeeff'
const DOMAIN = 'www.example.com'

export const PROXY_KINDS = ['program', 'core'] as const
/** The real program, or its core on the same adapters (core.ts). */
export type ProxyKind = (typeof PROXY_KINDS)[number]

export function startRelay(runtime: RuntimeName, dcPort: number): Promise<Subject> {
  return startScript(runtime, [inRoot('bench/relay/main.ts'), String(dcPort)])
}

export interface ProxyOptions {
  readonly kind: ProxyKind
  readonly way: Way
  readonly ports: Greeting
}

/** A proxy that goes to the generator's DC itself, or by its middle proxy. */
export async function startProxy(runtime: RuntimeName, options: ProxyOptions): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-'))
  const { middlePort } = options.ports
  writeFileSync(join(folder, 'proxy-secret'), PROXY_SECRET)
  writeFileSync(join(folder, 'proxy-multi.conf'), `default 2;\nproxy_for 2 127.0.0.1:${middlePort};\n`)
  const start = options.kind === 'program' ? startProgram : startCore
  const subject = await start(runtime, folder, options)
  if (options.way === 'middle') await sleep(FILES_MS)
  const end = async () => {
    await subject.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { ...subject, stop: end }
}

function startCore(runtime: RuntimeName, folder: string, { way, ports }: ProxyOptions): Promise<Subject> {
  return startScript(runtime, [inRoot('bench/core.ts'), String(ports.dcPort), folder, way])
}

/** A script that prints where it listens as its first line. */
async function startScript(runtime: RuntimeName, args: readonly string[]): Promise<Subject> {
  const child = start('subject', runtimePath(runtime), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  if (child.stdout === null || child.pid === undefined) throw new Error(`${args[0]} did not start`)
  const ended = once(child, 'exit').then(() => undefined)
  const line = await Promise.race([once(child.stdout, 'data') as Promise<[Buffer]>, ended])
  if (line === undefined) throw new Error(`${args[0]} ended before it listened`)
  const { port } = JSON.parse(line[0].toString()) as { port: number }
  return { pid: child.pid, port, stop: () => stop(child) }
}

/** The real program with a configuration of its own; every setting that costs something stays at its default. */
function startProgram(runtime: RuntimeName, folder: string, options: ProxyOptions): Promise<Subject> {
  return startConfigured(runtime, folder, configFor(options))
}

/** The real program with that configuration, in that folder. */
export async function startConfigured(runtime: RuntimeName, folder: string, text: string): Promise<Subject> {
  const config = join(folder, 'palisade.toml')
  const log = join(folder, 'log')
  writeFileSync(config, text, { mode: 0o600 })
  const logFile = openSync(log, 'w')
  const args = [inRoot('bin/palisade'), 'run', '--config', config, '--runtime', runtime]
  const child = start('subject', 'sh', args, { stdio: ['ignore', logFile, logFile], cwd: folder })
  closeSync(logFile)
  const end = () => stop(child)
  for (let waitedMs = 0; waitedMs < START_LIMIT_MS; waitedMs += 50) {
    await sleep(50)
    const port = listeningPort(readFileSync(log, 'utf8'))
    if (port !== undefined && child.pid !== undefined) return { pid: child.pid, port, stop: end }
    if (child.exitCode !== null) break
  }
  const said = readFileSync(log, 'utf8')
  await end()
  throw new Error(`the proxy did not start:\n${said}`)
}

/** No mask host answers at port 1, so the proxy uses the built-in shape of a server's flight. */
export function configFor({ way, ports }: ProxyOptions): string {
  return `
[listen]
address = ["127.0.0.1:0"]
[[secret]]
name = "bench"
key = "${KEY}"
modes = ["fake-tls", "padded", "plain"]
domain = "${DOMAIN}"
[mask]
host = "127.0.0.1"
port = 1
[telegram]
mode = "${way}"
[telegram.dc]
2 = ["127.0.0.1:${ports.dcPort}"]
[telegram.middle]
secret = "proxy-secret"
config = "proxy-multi.conf"
config_v6 = "none"
# All clients of a bench come from one address, more of them than the limits of one allow.
[access]
rules = [{ cidr = "127.0.0.0/8", level = "full" }]
[metrics]
listen = "127.0.0.1:0"
`
}

/** From the \`listening\` log event. */
function listeningPort(log: string): number | undefined {
  for (const line of log.split('\n')) {
    if (!line.includes('"listening"')) continue
    const port = /"port":(\d+)|"address":"[^"]*:(\d+)"/.exec(line)
    if (port !== null) return Number(port[1] ?? port[2])
  }
  return undefined
}
