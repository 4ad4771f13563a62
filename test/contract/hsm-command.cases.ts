import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CheckInput } from '../../src/cli/checks/finding.ts'
import { checkHsm } from '../../src/cli/checks/hsm.ts'
import { load } from '../../src/config/load.ts'
import type { Case } from './contract.ts'
import { makeToken, newTokens, PIN, SOFTHSM, softhsmEnvironment, TOKEN } from './softhsm.ts'

/** `palisade hsm ...` as an operator uses them, on the runtime that runs these cases. */

const PALISADE = join(import.meta.dirname, '../../bin/palisade')
const KEY = '00112233445566778899aabbccddeeff'
const CONFIG = `[listen]
address = ["127.0.0.1:4430"]
[[secret]]
name = "Ann"
key = "hsm:ann"
modes = ["plain", "padded"]
[hsm]
module = "${SOFTHSM}"
token = "${TOKEN}"
pin = "env:HSM_PIN"
`

const LISTED = 'LABEL  GENERATION  STATE   UNTIL  USER  FAULT\nann             1  active      -  Ann       -\n'

interface Output {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface Input {
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
}

/** `palisade hsm` with these words, in the folder of the configuration. */
export type Palisade = ((args: string, input?: Input) => Promise<Output>) & { readonly folder: string }

const CASES: readonly Case<Palisade>[] = [
  {
    name: 'a token is made, a secret in it, and its link is shown once for every mode',
    async run(palisade) {
      assert.match(
        (await palisade('init --so-pin env:SO_PIN')).stdout,
        /^made token "palisade" with serial number \w+\n$/,
      )
      const { stdout, stderr } = await palisade('generate --label ann --host 192.0.2.1')
      const [, plain, padded] =
        /^Ann \(plain\)\n.*secret=(\w{32})\n.*\nAnn \(padded\)\n.*secret=(\w{34})\n/.exec(stdout) ?? []
      assert.equal(padded, `dd${plain}`)
      assert.deepEqual(security(stderr), [
        { event: 'security.hsm.generate', token: TOKEN, label: 'ann', result: 'done' },
      ])
      assert.ok(!stderr.includes(plain))
      assert.equal((await palisade('list')).stdout, LISTED)
      const again = await palisade('generate --label ann')
      assert.equal(again.code, 1)
      assert.ok(again.stderr.endsWith('palisade: the token has a key with the label ann already\n'))
    },
  },
  {
    name: 'a secret is imported from standard input, and is not repeated',
    async run(palisade) {
      makeToken()
      const done = await palisade('import --label ann --stdin', { stdin: ` ${KEY}\n` })
      assert.equal(done.stdout, 'in the token: use it with key = "hsm:ann"\n')
      assert.ok(!`${done.stdout}${done.stderr}`.includes(KEY))
      for (const stdin of ['', KEY.slice(1), `dd${KEY}`, `${KEY}\n${KEY}`, 'x'.repeat(100_000)]) {
        const { code, stderr } = await palisade('import --label eve --stdin', { stdin })
        assert.equal(code, 2)
        assert.match(stderr, /^palisade: --stdin: expected 32 hex digits and nothing else \(.*\)\n$/)
        assert.ok(!stderr.includes(KEY))
      }
      assert.equal((await palisade('list')).stdout, LISTED)
    },
  },
  {
    name: 'a key to seal the state with is made once for a label, and is no secret of clients',
    async run(palisade) {
      makeToken()
      const { stdout, stderr } = await palisade('seal-key --label state')
      assert.equal(stdout, 'in the token: use it with sealed = "hsm:state" in [state]\n')
      assert.deepEqual(security(stderr), [
        { event: 'security.hsm.seal-key', token: TOKEN, label: 'state', result: 'done' },
      ])
      const again = await palisade('seal-key --label state')
      assert.equal(again.code, 1)
      assert.ok(again.stderr.endsWith('palisade: the token has a key with the label state already\n'))
      assert.equal((await palisade('list')).stdout, 'LABEL  GENERATION  STATE  UNTIL  USER  FAULT\n')
    },
  },
  {
    name: 'status names the token and the route',
    async run(palisade) {
      makeToken()
      const { stdout } = await palisade('status')
      assert.match(stdout, /^module {6}\S+ \(SoftHSM 2\.\d+\)\ntoken {7}"palisade", serial number/)
      assert.match(stdout, /\nroute {7}digest-key \+ hmac, in process\n/)
      const status = JSON.parse((await palisade('status --json')).stdout) as { mechanisms: string[]; secrets: number }
      assert.equal(status.secrets, 0)
      assert.ok(status.mechanisms.includes('SHA256_HMAC'))
    },
  },
  {
    name: 'a PIN that is wrong or missing is one line and exit code 78',
    async run(palisade) {
      makeToken()
      for (const [pin, why] of [
        ['9999', 'CKR_PIN_INCORRECT; it was tried once'],
        ['', 'HSM_PIN is not'],
      ]) {
        const { code, stdout, stderr } = await palisade('status', { env: { HSM_PIN: pin } })
        assert.equal(code, 78)
        assert.equal(stdout, '')
        assert.match(stderr, /^.*palisade\.toml:10: hsm\.pin: expected .*\n$/)
        assert.ok(stderr.includes(why))
      }
      const refused = await palisade('import --label ann --stdin', { stdin: KEY, env: { HSM_PIN: '9999' } })
      assert.deepEqual(security(refused.stderr), [
        { event: 'security.hsm.import', token: TOKEN, label: 'ann', result: 'refused' },
      ])
    },
  },
]

/** The check alone: the whole of `palisade check` would ask others too. */
const check: Case<void> = {
  name: 'palisade check tells the route, and which label has no secret',
  async run() {
    newTokens()
    makeToken()
    process.env.HSM_PIN = PIN
    const loaded = load({ text: CONFIG, file: 'palisade.toml' })
    assert.ok(!('problems' in loaded))
    const findings = await checkHsm({ loaded } as CheckInput)
    const levels = findings.map(({ level }) => level)
    assert.deepEqual(levels, ['ok', 'ok', 'fail'])
    assert.match(findings[0].message, /route digest-key \+ hmac, 1 secret of the configuration$/)
    assert.match(
      findings[2].message,
      /:5: secret\.0\.key: .*got "hsm:ann" \(there is none of that name; make it with: palisade hsm generate --label ann\)$/,
    )
  },
}

/** Each in a folder of its own, without a token. */
export function inFolder(cases: readonly Case<Palisade>[]): readonly Case<void>[] {
  return cases.map(({ name, run }) => ({
    name,
    async run() {
      newTokens()
      const folder = mkdtempSync(join(tmpdir(), 'palisade-hsm-'))
      try {
        writeFileSync(join(folder, 'palisade.toml'), CONFIG, { mode: 0o600 })
        await run(Object.assign((args: string, input?: Input) => runIn(folder, args, input), { folder }))
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    },
  }))
}

export const hsmCommandCases: readonly Case<void>[] = [...inFolder(CASES), check]

function runIn(folder: string, args: string, { stdin = '', env = {} }: Input = {}): Promise<Output> {
  const words = ['hsm', ...args.split(' ')]
  const runtime = typeof Bun === 'undefined' ? 'node' : 'bun'
  return new Promise((resolve) => {
    const child = execFile(
      PALISADE,
      words,
      {
        cwd: folder,
        env: {
          ...{ PATH: process.env.PATH, PALISADE_RUNTIME: runtime, HSM_PIN: PIN, SO_PIN: '87654321' },
          ...softhsmEnvironment(),
          ...env,
        },
        timeout: 30_000,
      },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
    // It may have ended before all of it was written.
    child.stdin?.on('error', () => {})
    child.stdin?.end(stdin)
  })
}

/** The lines about who changed what, without who and when. */
function security(stderr: string): unknown[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => {
      const { event, actor, token, label, result } = JSON.parse(line) as Record<string, string>
      assert.match(actor, /^uid \d+/)
      return { event, token, label, result }
    })
}
