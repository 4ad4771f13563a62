import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DOMAIN, SECRET } from '../load/opening.ts'
import type { RuntimeName } from '../report.ts'
import { startConfigured, type Subject } from '../subjects.ts'
import { keyOf, labelOf, PIN_VARIABLE, type BenchToken } from './tokens.ts'

export type Provider = 'inproc' | 'helper'

/** Whose secret a client has. The domain tells them apart, so that a hello has one candidate. */
export interface User {
  readonly domain: string
  readonly secret: Uint8Array
}

export const SOFTWARE_USER: User = { domain: DOMAIN, secret: SECRET }
export const TOKEN_USER: User = { domain: 'www.example.org', secret: keyOf(1) }

/** The real program with a secret in its memory, and another one in a token where there is one. */
export interface VaultProxy extends Subject {
  /** `palisade_event_loop_lag_seconds` in ms: the worst of the last 5 to 10 seconds. */
  loopLagMs(): Promise<number>
}

export interface VaultProxyOptions {
  readonly dcPort: number
  readonly token?: { readonly place: BenchToken; readonly provider: Provider }
}

export async function startVaultProxy(runtime: RuntimeName, options: VaultProxyOptions): Promise<VaultProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-'))
  const metricsPort = await freePort()
  const subject = await startConfigured(runtime, folder, configFor(options, metricsPort))
  return {
    ...subject,
    async loopLagMs() {
      const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
      return 1000 * Number(/^palisade_event_loop_lag_seconds (\S+)$/m.exec(metrics)?.[1])
    },
    async stop() {
      await subject.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export function hsmTable({ module, token, parameters }: BenchToken, provider: Provider): string {
  return `
[hsm]
module = "${module}"
parameters = "${parameters}"
token = "${token}"
pin = "env:${PIN_VARIABLE}"
provider = "${provider}"
`
}

/** As `subjects.ts` has it: no mask host answers at port 1, and one address may do what a crowd does. */
function configFor({ dcPort, token }: VaultProxyOptions, metricsPort: number): string {
  return `
[listen]
address = ["127.0.0.1:0"]
[[secret]]
name = "software"
key = "${Buffer.from(SOFTWARE_USER.secret).toString('hex')}"
modes = ["fake-tls"]
domain = "${SOFTWARE_USER.domain}"
${token === undefined ? '' : tokenSecret()}
[mask]
host = "127.0.0.1"
port = 1
[telegram]
mode = "direct"
prewarm = "off"
[telegram.dc]
2 = ["127.0.0.1:${dcPort}"]
[access]
rules = [{ cidr = "127.0.0.0/8", level = "full" }]
[metrics]
listen = "127.0.0.1:${metricsPort}"
${token === undefined ? '' : hsmTable(token.place, token.provider)}
`
}

function tokenSecret(): string {
  return `
[[secret]]
name = "token"
key = "hsm:${labelOf(1)}"
modes = ["fake-tls"]
domain = "${TOKEN_USER.domain}"
`
}

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    }),
  )
}
