/** A bug planted into the source, and the invariant whose checker must find it. */
export interface Mutant {
  readonly name: string
  readonly invariant: string
  /** Another one that it breaks as well, and that may be seen first. */
  readonly also?: string
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** Arguments of vitest that run the tests which must find it, where the simulator has no such part. */
  readonly tests?: readonly string[]
}
