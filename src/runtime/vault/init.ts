import { TokenError } from '../../vault/token.ts'
import type { Pkcs11Module, TokenInfo } from './pkcs11.ts'

export interface InitOptions {
  /** Up to 32 bytes. */
  readonly label: string
  readonly pin: string
  /** Of the token's security officer, who alone can set a new PIN. */
  readonly soPin: string
}

/** Labels of tokens are that long, filled up with blanks. pkcs11js passes on what it gets. */
const LABEL_LENGTH = 32

/** Makes a token where the module has an empty one, which SoftHSM always does. Throws a `TokenError`. */
export function initToken(module: Pkcs11Module, { label, pin, soPin }: InitOptions): TokenInfo {
  const tokens = module.tokens()
  if (tokens.some((token) => token.isInitialised && token.label === label))
    throw new TokenError('C_InitToken', 'there is a token of that label already')
  const empty = tokens.find((token) => !token.isInitialised)
  if (empty === undefined)
    throw new TokenError('C_InitToken', "the module has no empty token: make one with its maker's tool")
  const { slot, pinLength } = empty
  // Found out before the token is made: one without a PIN is of no use.
  for (const { length } of [pin, soPin])
    if (length < pinLength.min || length > pinLength.max)
      throw new TokenError('C_InitToken', `PINs of this module have ${pinLength.min} to ${pinLength.max} characters`)
  module.call('C_InitToken', (native) => native.C_InitToken(slot, soPin, label.padEnd(LABEL_LENGTH)))
  const { CKF_SERIAL_SESSION, CKF_RW_SESSION, CKU_SO } = module.constants
  const flags = CKF_SERIAL_SESSION | CKF_RW_SESSION
  const session = module.call('C_OpenSession', (native) => native.C_OpenSession(slot, flags))
  try {
    module.call('C_Login', (native) => native.C_Login(session, CKU_SO, soPin))
    module.call('C_InitPIN', (native) => native.C_InitPIN(session, pin))
    module.call('C_Logout', (native) => native.C_Logout(session))
  } finally {
    module.call('C_CloseSession', (native) => native.C_CloseSession(session))
  }
  return module.token(label)
}
