import { expect } from 'vitest'
import { PIN, SOFTHSM, softhsmEnvironment, TOKEN } from '../contract/softhsm.ts'
import { runToEnd } from './child.ts'
import { pingWithTdlib } from './clients.ts'
import { configText, SECRETS, writtenSecret, type TestSecret } from './config.ts'
import { Home, PALISADE, type RuntimeName } from './program.ts'
import type { Stage } from './stage.ts'

export const HSM_ENVIRONMENT = { ...softhsmEnvironment(), HSM_PIN: PIN }

/** The same secrets, by their labels alone. */
export function labelled(secrets: readonly TestSecret[]): TestSecret[] {
  return secrets.map((one) => ({ ...one, key: `hsm:${one.name}` }))
}

export function hsmTable(module = SOFTHSM, provider: 'inproc' | 'helper' | 'sealed' | 'auto' = 'inproc'): string {
  return `[hsm]\nmodule = "${module}"\ntoken = "${TOKEN}"\npin = "env:HSM_PIN"\nsessions = 2\nprovider = "${provider}"`
}

/** Puts the secret into the token as an operator would. */
export async function importSecret(runtime: RuntimeName, { name, key }: TestSecret): Promise<void> {
  const home = new Home(configText({ dcPort: 1, maskPort: 1, secrets: labelled(SECRETS), more: hsmTable() }))
  const args = ['hsm', 'import', '--label', name, '--stdin', '--config', home.configFile, '--runtime', runtime]
  const { code, stderr } = await runToEnd('sh', [PALISADE, ...args], { env: HSM_ENVIRONMENT, input: `${key}\n` })
  home.remove()
  expect(code, stderr).toBe(0)
}

/** A client that knows the secret reaches a DC. */
export async function expectAnswer(stage: Stage, secret: TestSecret): Promise<void> {
  const before = stage.dc.counters.answered
  const answer = await pingWithTdlib(stage.program.port, writtenSecret(secret))
  expect(answer.error).toBeUndefined()
  // A ping is two requests for pq.
  expect(stage.dc.counters.answered - before).toBe(2)
}
