import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { NODE, runToEnd } from './child.ts'

const programs = join(import.meta.dirname, 'clients')

/** TDLib dials Telegram beside the proxy it pings, so it may only run where nothing but the loopback is up. */
export function assertOffline(): void {
  const outside = Object.keys(networkInterfaces()).filter((name) => name !== 'lo')
  if (outside.length > 0) throw new Error(`the network is up (${outside.join(', ')}): run these with npm run test:e2e`)
}

/** TDLib's ping of a proxy: the round trip in seconds, or its error. */
export async function pingWithTdlib(port: number, secret: string): Promise<{ seconds?: number; error?: string }> {
  assertOffline()
  const run = await runToEnd(NODE, [join(programs, 'tdlib.ts'), '127.0.0.1', String(port), secret])
  return JSON.parse(run.stdout) as { seconds?: number; error?: string }
}
