import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PinWatch } from '../../src/vault/pin-watch.ts'

/**
 * Tokens of SoftHSM in temporary folders. The module reads its configuration's path from the environment as C sees it: on Node a
 * change of `process.env` reaches it, on Bun it must be there when the process starts (see `bun.ts`).
 */
export const SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so'
export const PIN = '1234'
export const TOKEN = 'palisade'
const SO_PIN = '87654321'
const PREFIX = 'palisade-softhsm-'

/** A path for `SOFTHSM2_CONF`, in a folder of its own. */
export function newConfigPath(): string {
  return join(mkdtempSync(join(tmpdir(), PREFIX)), 'softhsm2.conf')
}

/** Never a path that the developer's own SoftHSM uses. */
const given = process.env.SOFTHSM2_CONF
const configPath = given !== undefined && given.includes(PREFIX) ? given : newConfigPath()
process.env.SOFTHSM2_CONF = configPath
process.on('exit', removeTokens)

/** Everything that was made here; harmless when called again. */
export function removeTokens(): void {
  rmSync(dirname(configPath), { recursive: true, force: true })
}

let count = 0

/** What commands and child processes of a test need to see the same tokens. */
export function softhsmEnvironment(): Record<string, string> {
  return { SOFTHSM2_CONF: configPath }
}

/** An empty folder of tokens, for the module from its next `C_Initialize` on. */
export function newTokens(): string {
  if (!existsSync(SOFTHSM)) throw new Error(`${SOFTHSM} is not here: install Debian's package softhsm2`)
  const tokens = join(dirname(configPath), `tokens-${++count}`)
  mkdirSync(tokens, { recursive: true })
  writeFileSync(configPath, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  return tokens
}

/** For a vault that shares its PIN with nobody. */
export function loneWatch(): PinWatch {
  return new PinWatch(new Int32Array(1), { pid: process.pid, isAlive: () => true })
}

/** A token in the folder in use, made by SoftHSM's own tool. */
export function makeToken(label = TOKEN): void {
  const args = ['--init-token', '--free', '--label', label, '--pin', PIN, '--so-pin', SO_PIN]
  execFileSync('softhsm2-util', args, { env: { ...process.env, ...softhsmEnvironment() }, stdio: 'pipe' })
}
