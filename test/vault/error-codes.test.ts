import { describe, expect, it } from 'vitest'
import { FakeToken, type Failure } from '../../sim/world/token.ts'
import { HsmVault } from '../../src/vault/hsm.ts'
import { probe } from '../../src/vault/known-answers.ts'
import { PinWatch } from '../../src/vault/pin-watch.ts'
import { clientHelloFor, helloFor } from './hellos.ts'
import { seeded } from '../core/seeded.ts'

/** Return values of PKCS#11 v2.40 that modules gave in experiments, or that its text has for what an HSM may do. */
const CODES: Readonly<Record<string, number>> = {
  CKR_HOST_MEMORY: 0x02,
  CKR_SLOT_ID_INVALID: 0x03,
  CKR_GENERAL_ERROR: 0x05,
  CKR_FUNCTION_FAILED: 0x06,
  CKR_ARGUMENTS_BAD: 0x07,
  CKR_ATTRIBUTE_READ_ONLY: 0x10,
  CKR_ATTRIBUTE_SENSITIVE: 0x11,
  CKR_DATA_LEN_RANGE: 0x21,
  CKR_DEVICE_ERROR: 0x30,
  CKR_DEVICE_MEMORY: 0x31,
  CKR_DEVICE_REMOVED: 0x32,
  CKR_KEY_HANDLE_INVALID: 0x60,
  CKR_KEY_SIZE_RANGE: 0x62,
  CKR_KEY_INDIGESTIBLE: 0x67,
  CKR_MECHANISM_INVALID: 0x70,
  CKR_OBJECT_HANDLE_INVALID: 0x82,
  CKR_OPERATION_ACTIVE: 0x90,
  CKR_OPERATION_NOT_INITIALIZED: 0x91,
  CKR_SESSION_CLOSED: 0xb0,
  CKR_SESSION_COUNT: 0xb1,
  CKR_SESSION_HANDLE_INVALID: 0xb3,
  CKR_SESSION_READ_ONLY: 0xb5,
  CKR_TOKEN_NOT_PRESENT: 0xe0,
  CKR_USER_NOT_LOGGED_IN: 0x101,
  CKR_CRYPTOKI_NOT_INITIALIZED: 0x190,
}
const PIN_CODES: Readonly<Record<string, number>> = {
  CKR_PIN_INCORRECT: 0xa0,
  CKR_PIN_INVALID: 0xa1,
  CKR_PIN_LEN_RANGE: 0xa2,
  CKR_PIN_EXPIRED: 0xa3,
  CKR_PIN_LOCKED: 0xa4,
}
const DEAD_COPY = ['CKR_KEY_HANDLE_INVALID', 'CKR_OBJECT_HANDLE_INVALID']
const ALL = Object.entries(CODES).map(([code, value]) => ({ code, value }))
const PINS = Object.entries(PIN_CODES).map(([code, value]) => ({ code, value }))

const ANN = new Uint8Array(16).fill(1)
const INIT = helloFor(ANN)
const CLIENT_HELLO = clientHelloFor(ANN, 1_790_000_000, seeded(2))
const TEST_MS = 10_000

function scene() {
  const token = new FakeToken()
  token.keys.set('ann', ANN)
  const told: string[] = []
  let now = 1000
  const probed = probe(token)
  if ('why' in probed) throw new Error(probed.why)
  const vault = new HsmVault({
    ...{ token, trialKey: probed.trialKey, now: () => now, wall: () => 1_790_000_000 },
    pin: new PinWatch(new Int32Array(1), { pid: 7, isAlive: () => true }),
    events: {
      onError: ({ message }) => told.push(message),
      onGone: (why) => told.push(`gone: ${why}`),
      onBack: () => told.push('back'),
      onPinRefused: () => told.push('pin refused'),
      onMissing: (label, fault) => told.push(`${label}: ${fault}`),
    },
  })
  vault.put(1, 'ann')
  const ask = (hello = INIT) => {
    let answer: unknown = 'nothing'
    vault.match(hello, [1], (match) => (answer = typeof match === 'object' ? match.id : match))
    return answer
  }
  const sign = () => {
    let length: number | undefined
    vault.sign({ id: 1, generation: 0 }, [ANN], (mac) => (length = mac?.length))
    return length
  }
  const after = (ms: number) => {
    now += ms
    vault.tick()
  }
  return { token, vault, told, ask, sign, after }
}

/** Each way a secret is used, and the call of PKCS#11 that the token makes for it first. */
const USES = [
  ['an init', 'C_DigestKey', (it: ReturnType<typeof scene>) => it.ask(INIT) === 1],
  ['a ClientHello', 'C_SignInit', (it: ReturnType<typeof scene>) => it.ask(CLIENT_HELLO) === 1],
  ['a signature', 'C_SignInit', (it: ReturnType<typeof scene>) => it.sign() === 32],
] as const

describe.each(ALL)('$code', ({ code, value }) => {
  const isDeadCopy = DEAD_COPY.includes(code)

  it.each(USES)('once, on %s: is tried again, and nobody notices', (_what, at, isServed) => {
    const it = scene()
    const looks = it.token.looks
    it.token.fail({ code, value, at, calls: 1 })
    expect(isServed(it)).toBe(true)
    expect(it.told).toEqual([`${at}: ${code}`])
    // A key is looked for anew where our copy of it is dead, and nowhere else.
    expect(it.token.looks - looks).toBe(isDeadCopy ? 1 : 0)
    expect([it.vault.isReachable, it.token.restarts]).toEqual([true, []])
  })

  it('for good: opens the breaker at the third error, and then the token is left alone until it is got back', () => {
    const { token, vault, told, ask, sign, after } = scene()
    token.fail({ code, value })
    token.failRestart({ code, value })
    while (vault.isReachable) expect(ask()).toBe('failed')
    const errors = told.filter((line) => line.endsWith(code) && !line.startsWith('gone'))
    expect(errors).toHaveLength(3)
    expect(told.at(-1)).toMatch(new RegExp(`^gone: C_\\w+: ${code}$`))
    const before = [token.looks, told.length]
    expect([ask(), sign()]).toEqual(['failed', undefined])
    expect([token.looks, told.length]).toEqual(before)
    after(0)
    after(1000)
    expect(token.restarts).toEqual([code, code])
    token.heal()
    after(30_000)
    expect([told.at(-1), ask(), sign()]).toEqual(['back', 1, 32])
  })

  it('from the self-test: one is forgiven, two give the token up', () => {
    const { token, vault, after } = scene()
    token.fail({ code, value, at: 'C_DigestKey', calls: 1 })
    after(TEST_MS)
    expect(vault.isReachable).toBe(true)
    token.fail({ code, value, at: 'C_DigestKey', calls: 2 })
    after(TEST_MS)
    expect(vault.isReachable).toBe(false)
  })

  it('while a label is looked up: what is in use stays in use', () => {
    const { token, vault, ask } = scene()
    token.fail({ code, value, at: 'C_FindObjects', calls: 1 })
    vault.put(1, 'ann')
    expect(ask()).toBe(1)
    token.fail({ code, value, at: 'C_FindObjects', calls: 1 })
    expect(vault.faultOf('eve')).toBe(`C_FindObjects: ${code}`)
    expect(vault.isReachable).toBe(true)
  })

  it.each(['C_CreateObject', 'C_DigestKey', 'C_SignInit'])(
    'from the probe at %s: the module is refused by name',
    (at) => {
      const token = new FakeToken()
      token.fail({ code, value, at })
      const probed = probe(token)
      expect('why' in probed && probed.why).toContain(`${at}: ${code}`)
    },
  )

  it('from the login of a recovery: is tried again, since it is no matter of the PIN', () => {
    const { told, restarts } = failingLogins({ code, value })
    expect(restarts.length).toBeGreaterThan(3)
    expect(told).not.toContain('pin refused')
  })
})

describe.each(PINS)('$code', (failure) => {
  it('from the login of a recovery: is the last login', () => {
    const { told, restarts } = failingLogins(failure)
    expect(restarts).toEqual([failure.code])
    expect(told.filter((line) => line === 'pin refused')).toHaveLength(1)
  })
})

/** Five minutes of a token that is gone and whose login fails. */
function failingLogins(failure: Failure) {
  const { token, told, after } = scene()
  token.fail({ code: 'CKR_DEVICE_ERROR', value: 0x30 })
  after(TEST_MS)
  token.failRestart(failure)
  for (let sec = 0; sec < 300; sec++) after(1000)
  return { told, restarts: token.restarts }
}
