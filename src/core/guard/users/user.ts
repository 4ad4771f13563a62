import { NO_LIMITS, type SecretSettings, type UserLimits } from '../../settings.ts'
import type { Bucket } from './bucket.ts'
import { UserRows } from './rows.ts'

/** One user, by the name of its secret, as this process knows it. */
export class User {
  readonly name: string
  readonly key: Int32Array
  /** Those of its last configuration, for connections that run on without. */
  limits: UserLimits = NO_LIMITS
  /** Unix seconds; 0: never. */
  expiresAt = 0
  /** Whether its connections end with it. */
  closesAtEnd = false
  isConfigured = false
  /** Connections of this process. */
  open = 0
  /** Relayed by this process, of connections that are closed as well. */
  clientToDcBytes = 0
  dcToClientBytes = 0
  /** Of its bandwidth; where it has one and connections in this process. */
  bucket: Bucket | undefined

  constructor(name: string) {
    this.name = name
    this.key = UserRows.keyOf(name)
  }

  configure({ limits = NO_LIMITS, expiresAt, onRemove }: SecretSettings): void {
    this.limits = limits
    this.expiresAt = expiresAt
    this.closesAtEnd = onRemove === 'close'
    this.isConfigured = true
  }
}
