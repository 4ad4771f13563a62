import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { createKey, type KeyPlan } from '../../src/runtime/vault/objects.ts'
import { initToken } from '../../src/runtime/vault/init.ts'
import { Pkcs11Module } from '../../src/runtime/vault/pkcs11.ts'
import { listSecrets, storeSecret } from '../../src/runtime/vault/secrets.ts'
import { Pkcs11Token } from '../../src/runtime/vault/token.ts'
import { names } from '../../src/vault/generations.ts'
import { HsmVault } from '../../src/vault/hsm.ts'
import { probe } from '../../src/vault/known-answers.ts'
import { HMAC_LENGTH } from '../../src/vault/pair.ts'
import { TokenError, type TokenSecret } from '../../src/vault/token.ts'
import { helloFor } from '../vault/hellos.ts'
import type { Case } from './contract.ts'
import { loneWatch, makeToken, newTokens, PIN, SOFTHSM, softhsmEnvironment, TOKEN } from './softhsm.ts'

/** What the adapter makes of a real module, when it works and when it does not. */

interface Subject {
  readonly module: Pkcs11Module
  readonly token: Pkcs11Token
  /** The folder of SoftHSM's tokens. */
  readonly folder: string
}

const KEY = new Uint8Array(16).fill(0x42)
/** Enough for either runtime to start with. */
const FEW_DESCRIPTORS = 80

const CASES: readonly Case<Subject>[] = [
  {
    name: 'a secret can be used, and neither read nor opened up',
    run({ token }) {
      assert.ok(storeSecret(token, 'ann', KEY))
      assert.ok(!found(token, 'ann').isReadable())
      token.write((session, module) => {
        const { CKA_CLASS, CKO_SECRET_KEY, CKA_VALUE, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_TOKEN } = module.constants
        module.call('find', (native) => native.C_FindObjectsInit(session, [{ type: CKA_CLASS, value: CKO_SECRET_KEY }]))
        const handles = module.call('find', (native) => native.C_FindObjects(session, 100))
        module.call('find', (native) => native.C_FindObjectsFinal(session))
        // Two objects of the secret, and their copies.
        assert.equal(handles.length, 4)
        for (const handle of handles) {
          const codeOf = (act: Parameters<typeof module.call>[1]) => codeThrownBy(() => module.call('x', act))
          assert.equal(
            codeOf((native) => native.C_GetAttributeValue(session, handle, [{ type: CKA_VALUE }])),
            'CKR_ATTRIBUTE_SENSITIVE',
          )
          for (const change of [
            { type: CKA_SENSITIVE, value: false },
            { type: CKA_EXTRACTABLE, value: true },
          ]) {
            assert.notEqual(
              codeOf((native) => native.C_SetAttributeValue(session, handle, [change])),
              undefined,
            )
            const copy = [{ type: CKA_TOKEN, value: false }, change]
            assert.notEqual(
              codeOf((native) => native.C_CopyObject(session, handle, copy)),
              undefined,
            )
          }
        }
      })
    },
  },
  {
    name: 'a label is given once, and the list names every secret and what is wrong with it',
    run({ token }) {
      assert.ok(storeSecret(token, 'bob', KEY))
      assert.equal(storeSecret(token, 'bob', KEY), false)
      assert.ok(storeSecret(token, 'ann', KEY))
      plant(token, { label: 'half', value: KEY, isForHmac: false })
      assert.deepEqual(listSecrets(token), [
        { label: 'ann', generations: [{ number: 1, state: 'active' }] },
        { label: 'bob', generations: [{ number: 1, state: 'active' }] },
        { label: 'half', generations: [{ number: 1, state: 'active', fault: 'its object for HMAC is missing' }] },
      ])
    },
  },
  {
    name: 'what is no secret of ours is told apart',
    run({ token }) {
      const padded = new Uint8Array(HMAC_LENGTH)
      plant(token, { label: 'long', value: padded, isForHmac: false })
      plant(token, { label: 'two', value: KEY, isForHmac: false })
      plant(token, { label: 'two', value: KEY, isForHmac: false })
      plant(token, { label: 'mixed', value: KEY, isForHmac: false })
      plant(token, { label: names.hmac('mixed', 1), value: padded, isForHmac: true })
      plant(token, { label: 'open', value: KEY, isForHmac: false }, true)
      plant(token, { label: names.hmac('open', 1), value: padded, isForHmac: true }, true)
      assert.deepEqual(
        ['none', 'long', 'two', 'mixed', 'open'].map((label) => token.find(label)),
        [
          { fault: 'there is none of that name' },
          { fault: 'it has 32 bytes, not 16' },
          { fault: 'there are 2 of that name' },
          { fault: 'its two objects hold different keys' },
          { fault: 'it may be taken out of the token' },
        ],
      )
    },
  },
  {
    name: 'a session in which something went wrong is not used again',
    run({ token }) {
      storeSecret(token, 'ann', KEY)
      const secret = found(token, 'ann')
      const first = secret.digest(KEY)
      for (let i = 0; i < 10; i++) {
        // Leaves an operation active, as a call that fails half-way does.
        const broken = () =>
          token.use((session, module) => {
            module.call('x', (native) => native.C_DigestInit(session, { mechanism: module.constants.CKM_SHA256 }))
            throw new TokenError('x', 'CKR_DEVICE_ERROR')
          })
        assert.throws(broken, TokenError)
        assert.deepEqual(secret.digest(KEY), first)
      }
    },
  },
  {
    name: 'after a restart everything is found again, and what was found before is dead',
    run({ token }) {
      storeSecret(token, 'ann', KEY)
      const before = found(token, 'ann')
      token.restart()
      const after = found(token, 'ann')
      assert.equal(after.digest(KEY).length, 32)
      assert.throws(() => before.digest(KEY), TokenError)
      before.forget()
    },
  },
  {
    name: 'a token whose folder goes away serves on by its copies, and comes back with the folder',
    run({ token, folder }) {
      const scene = vaultIn(token)
      const { vault, told } = scene
      const after = (ms: number) => scene.after(ms)
      const answer = () => scene.answer()
      renameSync(folder, `${folder}-away`)
      assert.equal(answer(), 1)
      after(10_000)
      assert.equal(answer(), 1)
      // Now the copies are gone as well.
      token.use((session, module) => module.call('x', (native) => native.C_Finalize()) ?? session)
      assert.deepEqual([answer(), answer()], ['failed', 'failed'])
      assert.equal(vault.isReachable, false)
      for (let sec = 0; sec < 60; sec++) after(1000)
      assert.equal(answer(), 'failed')
      renameSync(`${folder}-away`, folder)
      for (let sec = 0; sec < 31; sec++) after(1000)
      assert.equal(answer(), 1)
      assert.deepEqual([told[0], told.at(-1)], ['CKR_CRYPTOKI_NOT_INITIALIZED', 'back'])
    },
  },
  {
    name: 'copies of secrets go on where no descriptor is left, and afterwards',
    run({ token }) {
      assert.ok(storeSecret(token, 'ann', KEY))
      const child = join(import.meta.dirname, 'descriptors.child.ts')
      const args = [child, SOFTHSM, TOKEN, PIN, 'ann', Buffer.from(KEY).toString('hex')]
      const command = ['-c', `ulimit -n ${FEW_DESCRIPTORS}; exec "$0" "$@"`, process.execPath, ...args]
      const printed = execFileSync('sh', command, {
        encoding: 'utf8',
        env: { ...process.env, ...softhsmEnvironment() },
      })
      const { limit, answers } = JSON.parse(printed) as { limit: string; answers: readonly string[] }
      assert.equal(limit, 'EMFILE')
      assert.deepEqual(answers, ['secret 1', 'secret 1', 'secret 1', 'secret 1'])
    },
  },
  {
    name: 'another program sees secrets as keys that cannot be taken out, and finds nothing else of them',
    run({ token }) {
      assert.ok(storeSecret(token, 'ann', KEY))
      const login = ['--module', SOFTHSM, '--token-label', TOKEN, '--login', '--pin', PIN]
      const listed = execFileSync('pkcs11-tool', [...login, '--list-objects'], {
        encoding: 'utf8',
        stdio: 'pipe',
        env: { ...process.env, ...softhsmEnvironment() },
      })
      const labels = [...listed.matchAll(/label: +(.*)/g)].map(([, label]) => label)
      assert.deepEqual(labels.sort(), ['ann', names.hmac('ann', 1)])
      const access = [...listed.matchAll(/Access: +(.*)/g)].map(([, words]) => words)
      assert.equal(access.length, 2)
      for (const words of access) {
        assert.match(words, /sensitive/)
        assert.doesNotMatch(words, /(^|[ ,])extractable/)
      }
    },
  },
  {
    name: 'a login that is lost is made again',
    run({ token, module }) {
      const scene = vaultIn(token)
      const answer = () => scene.answer()
      module.call('x', (native) => native.C_CloseAllSessions(token.info.slot))
      assert.deepEqual([answer(), answer()], ['failed', 'failed'])
      scene.after(0)
      assert.equal(answer(), 1)
    },
  },
]

/** Each in a token of its own, which was made by SoftHSM's tool and is open. */
const inToken = CASES.map(({ name, run }) => ({
  name,
  async run() {
    const folder = newTokens()
    makeToken()
    const module = Pkcs11Module.load(SOFTHSM)
    const token = new Pkcs11Token({ module, name: TOKEN, pin: PIN, sessions: 1 })
    try {
      await run({ module, token, folder })
    } finally {
      token.close()
    }
  },
}))

export const pkcs11Cases: readonly Case<void>[] = [
  ...inToken,
  {
    name: 'a token is made by label, and found by label or serial; a wrong PIN is refused and the right one taken after it',
    run() {
      newTokens()
      const module = Pkcs11Module.load(SOFTHSM)
      try {
        const options = { label: TOKEN, pin: PIN, soPin: '87654321' }
        const { label, serial } = initToken(module, options)
        assert.equal(label, TOKEN)
        assert.equal(
          codeThrownBy(() => initToken(module, options)),
          'there is a token of that label already',
        )
        const open = (name: string, pin: string) => new Pkcs11Token({ module, name, pin, sessions: 1 })
        assert.throws(() => open(TOKEN, '9999'), { code: 'CKR_PIN_INCORRECT', isPinRefused: true })
        assert.equal(
          codeThrownBy(() => open('other', PIN)),
          'no such token',
        )
        assert.equal(open(serial, PIN).info.label, TOKEN)
        makeToken(TOKEN)
        module.finalise()
        module.initialise()
        assert.equal(
          codeThrownBy(() => open(TOKEN, PIN)),
          '2 tokens of that label',
        )
      } finally {
        module.finalise()
      }
    },
  },
  {
    name: 'a file that is no module is an error of one line',
    run() {
      for (const path of ['/nowhere/x.so', '/etc/passwd']) {
        const code = codeThrownBy(() => Pkcs11Module.load(path))
        assert.ok(code?.includes(path) === true && !code.includes('\n'), code)
      }
    },
  },
]

function found(token: Pkcs11Token, label: string): TokenSecret {
  const generations = token.find(label)
  assert.ok(!('fault' in generations) && generations.length === 1)
  return generations[0].secret
}

/** A vault on that token with one secret, a clock that stands, and what it told. */
function vaultIn(token: Pkcs11Token) {
  storeSecret(token, 'ann', KEY)
  const probed = probe(token)
  assert.ok('route' in probed)
  const told: string[] = []
  let now = 0
  const vault = new HsmVault({
    ...{ token, trialKey: probed.trialKey, now: () => now, wall: () => 0, pin: loneWatch() },
    events: {
      onError: ({ code }) => told.push(code),
      onGone: () => told.push('gone'),
      onBack: () => told.push('back'),
      onPinRefused: () => told.push('pin'),
      onMissing: (label) => told.push(label),
    },
  })
  vault.put(1, 'ann')
  return {
    ...{ vault, told },
    after(ms: number) {
      now += ms
      vault.tick()
    },
    answer() {
      let answer: unknown
      vault.match(helloFor(KEY), [1], (match) => (answer = typeof match === 'object' ? match.id : match))
      return answer
    },
  }
}

/** A key as anybody's tool might have made it; `isOpen`: it may be taken out. */
function plant(token: Pkcs11Token, plan: Omit<KeyPlan, 'id' | 'isLasting'>, isOpen = false): void {
  const id = Buffer.from(plan.label.split(' ')[0])
  token.write((session, module) => {
    if (!isOpen) return void createKey(module, session, { ...plan, id, isLasting: true })
    const c = module.constants
    const template = [
      { type: c.CKA_CLASS, value: c.CKO_SECRET_KEY },
      { type: c.CKA_KEY_TYPE, value: c.CKK_GENERIC_SECRET },
      { type: c.CKA_TOKEN, value: true },
      { type: c.CKA_SENSITIVE, value: false },
      { type: c.CKA_EXTRACTABLE, value: true },
      { type: c.CKA_LABEL, value: plan.label },
      { type: c.CKA_ID, value: id },
      { type: c.CKA_VALUE, value: Buffer.from(plan.value) },
    ]
    module.call('C_CreateObject', (native) => native.C_CreateObject(session, template))
  })
}

function codeThrownBy(act: () => unknown): string | undefined {
  try {
    act()
  } catch (error) {
    assert.ok(error instanceof TokenError, String(error))
    return error.code
  }
  return undefined
}
