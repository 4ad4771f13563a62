/**
 * TDLib, Telegram's own client library, as a child program: pings one proxy and prints one line of JSON.
 *
 *     node tdlib.ts SERVER PORT SECRET    ->    {"seconds":0.0021}  or  {"error":"..."}
 *
 * A ping opens the proxy with TDLib's own obfuscation or fake TLS and sends two `req_pq_multi`; the seconds are the round trip of
 * the second. TDLib also dials Telegram's real addresses beside it, so run this where only the loopback is up (scripts/offline.sh).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tdl from 'tdl'

const [server = '', port = '', secret = ''] = process.argv.slice(2)
const library = createRequire(import.meta.url).resolve('@prebuilt-tdlib/linux-x64-glibc/libtdjson.so')
const folder = mkdtempSync(join(tmpdir(), 'palisade-tdlib-'))

/** What this program uses of tdl's client; its own types come with another package. */
interface Client {
  on(event: 'error', listener: () => void): void
  invoke(request: { readonly _: string } & Record<string, unknown>): Promise<unknown>
  close(): Promise<void>
}

async function ping(): Promise<object> {
  tdl.configure({ tdjson: library, verbosityLevel: 0 })
  const client = tdl.createBareClient() as unknown as Client
  client.on('error', () => {})
  // Telegram's own published test credentials; nothing is logged in with them.
  await client.invoke({
    _: 'setTdlibParameters',
    api_id: 94575,
    api_hash: 'a3406de8d171bb422bb6ddf3bbd800e2',
    database_directory: join(folder, 'db'),
    files_directory: join(folder, 'files'),
    use_message_database: false,
    use_file_database: false,
    use_secret_chats: false,
    system_language_code: 'en',
    device_model: 'test',
    system_version: '1',
    application_version: '1',
    use_test_dc: false,
  })
  const proxy = { _: 'proxy', server, port: Number(port), type: { _: 'proxyTypeMtproto', secret } } as const
  try {
    await client.invoke({ _: 'addProxy', proxy, enable: false })
    return { seconds: ((await client.invoke({ _: 'pingProxy', proxy })) as { seconds: number }).seconds }
  } finally {
    await client.close()
  }
}

const result = await ping().catch((error: unknown) => ({ error: String((error as Error).message) }))
process.stdout.write(`${JSON.stringify(result)}\n`, () => {
  rmSync(folder, { recursive: true, force: true })
  process.exit('error' in result ? 1 : 0)
})
