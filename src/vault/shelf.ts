/** An object of a token as key management sees it: never what it holds. */
export interface StoredObject {
  /** Its CKA_LABEL. */
  readonly name: string
  /** Its CKA_ID, in hex. */
  readonly id: string
  /** Bytes of the key. */
  readonly length: number
  readonly isSensitive: boolean
  readonly isExtractable: boolean
}

export type ObjectPlan =
  /** The 16 bytes of a secret, or the same made ready to sign with. */
  | { readonly name: string; readonly id: Uint8Array; readonly part: 'digest' | 'hmac'; readonly key: Uint8Array }
  /** Nothing secret: what it says is in its id. */
  | { readonly name: string; readonly id: Uint8Array; readonly part: 'record' }

/** The objects of a token, one by one. Each call may throw a `TokenError`, and is one step: done, or not. */
export interface ObjectShelf<O extends StoredObject> {
  /** Those of that name, or all. */
  find(name?: string): readonly O[]
  create(plan: ObjectPlan): void
  /** Harmless where it is gone already. */
  destroy(object: O): void
  /** Unlike all others. */
  newId(): Uint8Array
}
