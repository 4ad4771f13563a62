import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyObject } from '../../src/runtime/vault/objects.ts'
import { Pkcs11Module } from '../../src/runtime/vault/pkcs11.ts'
import { shelfIn } from '../../src/runtime/vault/shelf.ts'
import { Pkcs11Token } from '../../src/runtime/vault/token.ts'
import { Keyring } from '../../src/vault/keyring.ts'
import { TokenError } from '../../src/vault/token.ts'
import { tryOn } from '../../src/vault/trial.ts'
import { helloFor } from '../vault/hellos.ts'
import type { Case } from './contract.ts'
import { inFolder, type Palisade } from './hsm-command.cases.ts'
import { makeToken, PIN, SOFTHSM, TOKEN } from './softhsm.ts'

/** The life of a secret as operators lead it by `palisade hsm ...`, on a real token and on the runtime that runs these cases. */

const KEY = '00112233445566778899aabbccddeeff'
const SPARE = 'spare'
const BY_SPARE = `--backup-token ${SPARE} --backup-pin env:HSM_PIN`

const CASES: readonly Case<Palisade>[] = [
  {
    name: 'a rotated secret has an active generation and a retiring one, and its new link is shown once',
    async run(palisade) {
      makeToken()
      const old = secretOf((await palisade('generate --label ann --host 192.0.2.1')).stdout)
      const { code, stdout, stderr } = await palisade('rotate --label ann --overlap 3d --host 192.0.2.1')
      assert.equal(code, 0, stderr)
      const now = secretOf(stdout)
      assert.notEqual(now, old)
      assert.match(stderr, /Generation 2 is active; old links go on until \S+Z\.\nno proxy runs by this configuration/)
      assert.deepEqual(told(stderr), ['rotate', 'ann', 2, 'done'])
      assert.deepEqual(await states(palisade), ['ann 1 retiring', 'ann 2 active'])
      const [{ until_sec: until }] = JSON.parse((await palisade('list --json')).stdout) as { until_sec: number }[]
      assert.ok(Math.abs(until - Date.now() / 1000 - 3 * 86_400) < 60)
      assert.deepEqual(letIn('ann', [old, now]), [2, 1])
      assert.match((await palisade('status')).stdout, /\nsecrets {5}1, generations: 1 retiring, 1 active\n/)

      const ended = await palisade('rotate --label ann --retire')
      assert.equal(ended.stdout, 'retired: generation 1 of ann\n')
      assert.deepEqual(told(ended.stderr), ['retire', 'ann', undefined, 'done'])
      assert.deepEqual(await states(palisade), ['ann 1 retired', 'ann 2 active'])
      assert.deepEqual(letIn('ann', [old, now]), [undefined, 1])
      assert.equal((await palisade('rotate --label ann --retire')).stdout, 'nothing of ann is retiring\n')
    },
  },
  {
    name: 'without an overlap the old link ends at once; what is not there cannot be rotated',
    async run(palisade) {
      makeToken()
      await palisade('import --label ann --stdin', { stdin: KEY })
      const now = secretOf((await palisade('rotate --label ann --overlap 0s --host 192.0.2.1')).stdout)
      assert.deepEqual(letIn('ann', [KEY, now]), [undefined, 1])
      const { code, stderr } = await palisade('rotate --label eve')
      assert.equal(code, 1)
      assert.deepEqual(told(stderr), ['rotate', 'eve', undefined, 'eve: there is none of that name'])
      assert.ok(stderr.endsWith('\npalisade: eve: there is none of that name\n'))
      for (const overlap of ['3', '367d', '-1s', 'x'])
        assert.equal((await palisade(`rotate --label ann --overlap ${overlap}`)).code, 2)
    },
  },
  {
    name: 'what is in use is destroyed by force alone, and everything else when asked',
    async run(palisade) {
      makeToken()
      await palisade('import --label ann --stdin', { stdin: KEY })
      await palisade('rotate --label ann')
      for (const [args, why] of [
        ['', 'the configuration names it, for user "Ann"'],
        [' --generation 1', 'generation 1 is retiring'],
        [' --generation 2', 'generation 2 is active'],
      ]) {
        const { code, stderr } = await palisade(`destroy --label ann${args}`)
        const line = `ann is in use: ${why}; --force destroys it nevertheless`
        assert.deepEqual([code, told(stderr).at(-1)], [1, line])
      }
      for (const [args, why] of [
        ['--label ann --generation 3', 'ann has no generation 3; it has 1, 2'],
        ['--label eve', 'the token has no secret with the label eve'],
      ])
        assert.ok((await palisade(`destroy ${args}`)).stderr.endsWith(`palisade: ${why}\n`))
      await palisade('rotate --label ann --retire')
      const one = await palisade('destroy --label ann --generation 1')
      assert.equal(one.stdout, 'destroyed: ann, generation 1 (retired)\n')
      assert.deepEqual(told(one.stderr), ['destroy', 'ann', 1, 'done'])
      assert.deepEqual(await states(palisade), ['ann 2 active'])
      const all = await palisade('destroy --label ann --force')
      assert.equal(all.stdout, 'destroyed: ann, generation 2 (was active)\n')
      assert.deepEqual(await states(palisade), [])
      assert.deepEqual(keysLeft(), [])
    },
  },
  {
    name: 'a command that was killed anywhere leaves what worked, a list that says so, and is repaired by the next one',
    async run(palisade) {
      makeToken()
      await palisade('import --label ann --stdin', { stdin: KEY })
      for (const [steps, left] of [
        [0, []],
        [1, ['ann 2 created: its object for HMAC is missing']],
        // The first one destroys what the last command left.
        [3, ['ann 2 created']],
      ] as const) {
        killedAfter(steps, (keyring) =>
          keyring.rotate('ann', new Uint8Array(16).fill(steps), { overlapSec: 60, nowSec: 1 }),
        )
        assert.deepEqual(letIn('ann', [KEY]), [1])
        assert.deepEqual(await states(palisade), ['ann 1 active', ...left])
      }
      const now = secretOf((await palisade('rotate --label ann --host 192.0.2.1')).stdout)
      assert.deepEqual(await states(palisade), ['ann 1 retiring', 'ann 2 active'])
      assert.deepEqual(letIn('ann', [now, KEY]), [1, 2])

      killedAfter(2, (keyring) => {
        keyring.condemn('ann', 2)
        keyring.destroy('ann', 2)
      })
      assert.deepEqual(letIn('ann', [now, KEY]), [undefined, 1])
      await palisade('destroy --label ann --generation 2')
      assert.deepEqual(await states(palisade), ['ann 1 retiring'])
      assert.equal(keysLeft().length, 3)
    },
  },
  {
    name: 'a process that uses a secret finds what another one made of it, and two that rotate it leave it whole',
    async run(palisade) {
      makeToken()
      await palisade('import --label ann --stdin', { stdin: KEY })
      const token = openToken()
      try {
        const rotations = await Promise.all([1, 2].map(() => palisade('rotate --label ann --host 192.0.2.1')))
        const made = rotations.filter(({ code }) => code === 0).map(({ stdout }) => secretOf(stdout))
        assert.ok(made.length > 0)
        for (const { code, stderr } of rotations) if (code !== 0) assert.match(stderr, /another command changes it/)
        const found = token.find('ann')
        assert.ok(!('fault' in found))
        assert.ok(letIn('ann', [KEY])[0] !== undefined)
        assert.ok(made.some((secret) => letIn('ann', [secret])[0] === 1))
      } finally {
        token.close()
      }
      await palisade('rotate --label ann')
      const listed = await states(palisade)
      assert.ok(
        listed.at(-1)?.endsWith('active') === true && !listed.some((line) => line.includes(':')),
        String(listed),
      )
    },
  },
]

const BACKUP_CASES: readonly Case<Palisade>[] = [
  {
    name: 'a backup that was made with the secrets restores them into another token, and lets the same clients in',
    async run(palisade) {
      makeToken()
      makeToken(SPARE)
      const made = await palisade(`backup --init ${BY_SPARE} --out spare.pem`)
      assert.equal(made.stdout, 'made a key for backups: seal under spare.pem\n')
      const backup = '--backup keys.backup --under spare.pem'
      await palisade(`import --label bob --stdin ${backup}`, { stdin: KEY })
      await palisade(`generate --label ann --host 192.0.2.1 ${backup}`)
      const ann = secretOf((await palisade(`rotate --label ann --host 192.0.2.1 ${backup}`)).stdout)
      const text = readFileSync(join(palisade.folder, 'keys.backup'), 'utf8')
      for (const secret of [ann, KEY]) assert.ok(!text.includes(secret))
      const whole = await palisade('backup --verify keys.backup')
      assert.equal(whole.code, 0)
      assert.equal(whole.stdout.match(/ in the backup\n/g)?.length, 3)

      makeToken('second')
      const into = `restore --from keys.backup ${BY_SPARE} --set hsm.token=second`
      const { stdout, stderr } = await palisade(into)
      assert.equal(stdout, 'bob: generation 1 restored\nann: generation 2 restored\n', stderr)
      assert.deepEqual(letIn('ann', [ann], 'second'), [1])
      assert.deepEqual(letIn('bob', [KEY], 'second'), [1])
      const again = await palisade(into)
      assert.equal(again.stdout, 'bob: generation 1 is there already\nann: generation 2 is there already\n')
      assert.equal(again.code, 0)
      assert.equal((await palisade('backup --verify keys.backup --set hsm.token=second')).code, 0)
    },
  },
  {
    name: 'a backup that lacks a secret is found out, and one that is corrupt or foreign changes nothing',
    async run(palisade) {
      makeToken()
      makeToken(SPARE)
      await palisade(`backup --init ${BY_SPARE} --out spare.pem`)
      const file = join(palisade.folder, 'keys.backup')
      await palisade('generate --label ann --backup keys.backup --under spare.pem')
      await palisade('import --label bob --stdin', { stdin: KEY })
      const lacking = await palisade('backup --verify keys.backup')
      assert.equal(lacking.code, 1)
      assert.match(lacking.stdout, /\nann +1  in the backup\nbob +1  not in the backup\n$/)

      await palisade('destroy --label ann --force')
      const line = readFileSync(file, 'utf8')
      const refused = async (text: string, why: string) => {
        writeFileSync(file, text)
        const { code, stdout, stderr } = await palisade(`restore --from keys.backup ${BY_SPARE}`)
        assert.deepEqual([code, stdout, stderr], [1, '', `palisade: keys.backup${why}\n`])
      }
      const notWhole = ': expected a line of a backup of palisade hsm, whole'
      await refused(line.slice(0, -20), `:1${notWhole}`)
      await refused(`${line}garbage\n`, `:2${notWhole}`)
      await refused('', ' is empty')
      const changed = ': generation 1 of ann cannot be opened: it was changed since it was sealed'
      await refused(line.replace(/"sealed":"..../, '"sealed":"AAAA'), changed)
      await refused(line.replace('"ann"', '"eve"'), changed.replace('ann', 'eve'))
      await refused(line.replace('"generation":1', '"generation":2'), changed.replace('1', '2'))
      const other = ': generation 1 of ann is sealed under another key than that token has'
      await refused(line.replace(/"under":"..../, '"under":"0000'), other)
      const absent = await palisade(`restore --from nowhere ${BY_SPARE}`)
      assert.equal(absent.stderr, 'palisade: nowhere does not exist\n')
      assert.deepEqual(await states(palisade), ['bob 1 active'])
    },
  },
  {
    name: 'what is wrong about a backup is said before the token is changed',
    async run(palisade) {
      makeToken()
      for (const [args, why] of [
        ['generate --label ann --backup x', '--backup: expected together with --under, and the other way round'],
        ['generate --label ann --backup x --under none.pem', '--under: none.pem does not exist'],
        [
          'generate --label ann --backup x --under palisade.toml',
          '--under: expected a public RSA key of 2048 bits or more in palisade.toml',
        ],
        ['backup', 'expected either --init or --verify FILE'],
        ['backup --init', '--out: expected a file for the public key'],
        ['restore --from palisade.toml', 'palisade.toml:1: expected a line of a backup of palisade hsm, whole'],
      ]) {
        const { stdout, stderr } = await palisade(args)
        assert.deepEqual([stdout, stderr], ['', `palisade: ${why}\n`])
      }
      const own = await palisade(`backup --init --backup-token ${TOKEN} --backup-pin env:HSM_PIN --out spare.pem`)
      assert.equal(own.code, 2)
      assert.match(own.stderr, /palisade: --backup-token: expected another token than hsm\.token/)
      assert.deepEqual(keysLeft(), [])
    },
  },
]

export const hsmKeyCases = inFolder(CASES)
/** Of their own, so that no suite takes long. */
export const hsmBackupCases = inFolder(BACKUP_CASES)

function openToken(name = TOKEN): Pkcs11Token {
  return new Pkcs11Token({ module: Pkcs11Module.load(SOFTHSM), name, pin: PIN, sessions: 1 })
}

function inToken<T>(name: string, use: (token: Pkcs11Token) => T): T {
  const token = openToken(name)
  try {
    return use(token)
  } finally {
    token.close()
  }
}

/** In which place each of these keys, in hex, is tried as one that lets in; undefined: it does not. As a vault in this process sees it. */
function letIn(label: string, keys: readonly string[], token = TOKEN): readonly (number | undefined)[] {
  return inToken(token, (open) => {
    const found = open.find(label)
    if ('fault' in found) return keys.map(() => undefined)
    const nowSec = Date.now() / 1000
    const usable = found.filter(({ untilSec }) => untilSec === undefined || nowSec < untilSec)
    return keys.map((key) => {
      const hello = helloFor(Buffer.from(key, 'hex'))
      const at = usable.findIndex(({ secret }) => tryOn(hello, { id: 1, generation: 0 }, secret) !== undefined)
      return at < 0 ? undefined : at + 1
    })
  })
}

/** Names of all objects in the token. */
function keysLeft(): readonly string[] {
  return inToken(TOKEN, (token) =>
    token.use((session, module) => shelfIn(module, session).find()).map(({ name }) => name),
  )
}

/** Makes a change of which each step beyond the first so many fails, as for a process that is killed there. */
function killedAfter(steps: number, change: (keyring: Keyring<KeyObject>) => void): void {
  inToken(TOKEN, (token) =>
    token.write((session, module) => {
      const shelf = shelfIn(module, session)
      let left = steps
      const step = () => {
        if (left-- <= 0) throw new TokenError('x', 'killed')
      }
      const keyring = new Keyring({
        ...shelf,
        create(plan) {
          step()
          shelf.create(plan)
        },
        destroy(object) {
          step()
          shelf.destroy(object)
        },
      })
      assert.throws(() => change(keyring), TokenError)
    }),
  )
}

/** Each generation in a line, with what is wrong with it. */
async function states(palisade: Palisade): Promise<readonly string[]> {
  const rows = JSON.parse((await palisade('list --json')).stdout) as {
    label: string
    generation: number
    state: string
    fault: string | null
  }[]
  return rows.map(({ label, generation, state, fault }) =>
    [`${label} ${generation} ${state}`, ...(fault === null ? [] : [fault])].join(': '),
  )
}

/** The 32 hex digits of the first link. */
function secretOf(stdout: string): string {
  const [, secret] = /secret=([0-9a-f]{32})\n/.exec(stdout) ?? assert.fail(`there is no link in ${stdout}`)
  return secret
}

/** Of the security line: what was done to what, and the result. */
function told(stderr: string): readonly unknown[] {
  const line = stderr.split('\n').find((one) => one.startsWith('{')) ?? assert.fail(stderr)
  const { event, actor, label, generation, result } = JSON.parse(line) as Record<string, unknown>
  assert.match(String(actor), /^uid \d+/)
  return [String(event).replace('security.hsm.', ''), label, generation, result]
}
