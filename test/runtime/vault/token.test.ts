import { describe, expect, it } from 'vitest'
import { Pkcs11Token } from '../../../src/runtime/vault/token.ts'
import { TokenError, type TokenSecret } from '../../../src/vault/token.ts'
import { FakeModule, type Injected } from './fake-module.ts'

const SESSIONS = 2

function scene(...injected: Injected[]) {
  const module = new FakeModule()
  module.fail(...injected)
  const open = () => new Pkcs11Token({ module: module.asModule, name: 'palisade', pin: '1234', sessions: SESSIONS })
  return { module, open }
}

function opened() {
  const { module, open } = scene()
  const token = open()
  return { module, token, ann: secretOf(token) }
}

function secretOf(token: Pkcs11Token): TokenSecret {
  const found = token.find('ann')
  if ('fault' in found) throw new Error(found.fault)
  return found[0].secret
}

function errorOf(act: () => unknown): TokenError {
  try {
    act()
  } catch (error) {
    if (error instanceof TokenError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

const hmac = (secret: TokenSecret) => secret.hmac([new Uint8Array(32), new Uint8Array(0), new Uint8Array(485)])
const digest = (secret: TokenSecret) => secret.digest(new Uint8Array(32))

/** Return values of experiments; 0x90 is what every later call in a session gets whose operation did not end. */
const CODES = [
  ['CKR_GENERAL_ERROR', 0x05],
  ['CKR_DEVICE_ERROR', 0x30],
  ['CKR_KEY_HANDLE_INVALID', 0x60],
  ['CKR_KEY_SIZE_RANGE', 0x62],
  ['CKR_KEY_INDIGESTIBLE', 0x67],
  ['CKR_MECHANISM_INVALID', 0x70],
  ['CKR_OPERATION_ACTIVE', 0x90],
  ['CKR_SESSION_HANDLE_INVALID', 0xb3],
  ['CKR_CRYPTOKI_NOT_INITIALIZED', 0x190],
] as const
const CALLS = [
  ...['C_SignInit', 'C_SignUpdate', 'C_SignFinal'].map((call) => ({ call, use: hmac })),
  ...['C_DigestInit', 'C_DigestUpdate', 'C_DigestKey', 'C_DigestFinal'].map((call) => ({ call, use: digest })),
]

describe.each(CALLS)('a use that fails at $call', ({ call, use }) => {
  it.each(CODES)('with %s costs its session, and nothing else', (code, value) => {
    const { module, ann } = opened()
    module.fail({ call, code, value })
    module.calls.length = 0
    expect(errorOf(() => use(ann))).toMatchObject({ call, code, isPinRefused: false })
    expect(module.calls.at(-1)).toBe('C_CloseSession')
    // The owner of the copies, and the other session.
    expect(module.sessions.size).toBe(SESSIONS)
    for (let i = 0; i < 2 * SESSIONS; i++) expect([hmac(ann).length, digest(ann).length]).toEqual([32, 32])
    // A new one took its place.
    expect(module.sessions.size).toBe(SESSIONS + 1)
  })
})

describe('looking for a secret', () => {
  it.each(['C_FindObjectsInit', 'C_FindObjects', 'C_FindObjectsFinal', 'C_GetAttributeValue', 'C_CopyObject'])(
    'fails with %s, and can be done again',
    (call) => {
      const { module, token } = opened()
      module.fail({ call, code: 'CKR_DEVICE_ERROR', value: 0x30 })
      expect(errorOf(() => token.find('ann'))).toMatchObject({ call, code: 'CKR_DEVICE_ERROR' })
      for (let i = 0; i < SESSIONS; i++) expect(token.find('ann')).not.toHaveProperty('fault')
    },
  )
})

describe('a login', () => {
  it.each([
    ['CKR_PIN_INCORRECT', 0xa0, true],
    ['CKR_PIN_LOCKED', 0xa4, true],
    ['CKR_DEVICE_ERROR', 0x30, false],
  ])('that ends with %s was one try, and leaves no session', (code, value, isPinRefused) => {
    const { module, open } = scene({ call: 'C_Login', code, value })
    expect(errorOf(open)).toMatchObject({ code, isPinRefused })
    expect(module.calls.filter((call) => call === 'C_Login')).toHaveLength(1)
    expect(module.sessions.size).toBe(0)
  })

  it('is not tried at a token that says that its PIN is locked', () => {
    const { module, open } = scene()
    module.isPinLocked = true
    expect(errorOf(open)).toMatchObject({ code: 'CKR_PIN_LOCKED', isPinRefused: true })
    expect(module.calls).not.toContain('C_Login')
  })

  it('is as good when somebody in this process has logged in before', () => {
    const { open } = scene({ call: 'C_Login', code: 'CKR_USER_ALREADY_LOGGED_IN', value: 0x100 })
    expect(open().find('ann')).not.toHaveProperty('fault')
  })

  it('leaves nothing open where there is no room for all sessions', () => {
    const { module, open } = scene({ call: 'C_OpenSession', code: 'CKR_SESSION_COUNT', value: 0xb1, nth: 3 })
    expect(errorOf(open)).toMatchObject({ code: 'CKR_SESSION_COUNT' })
    expect(module.sessions.size).toBe(0)
  })
})

describe('after the module was initialised anew', () => {
  it('a secret from before is dead, though its handles may be those of another key by now', () => {
    const { module, token, ann } = opened()
    token.restart()
    const other = secretOf(token)
    module.calls.length = 0
    expect(errorOf(() => hmac(ann))).toMatchObject({ code: 'CKR_KEY_HANDLE_INVALID' })
    ann.forget()
    // No call was made with what it had.
    expect(module.calls).toEqual([])
    expect(hmac(other)).toHaveLength(32)
  })

  it('copies die with the session that owns them, and not with one that was used', () => {
    const { module, token, ann } = opened()
    module.fail({ call: 'C_DigestKey', code: 'CKR_GENERAL_ERROR', value: 5 })
    errorOf(() => digest(ann))
    expect(digest(ann)).toHaveLength(32)
    token.close()
    expect(module.sessions.size).toBe(0)
  })
})
