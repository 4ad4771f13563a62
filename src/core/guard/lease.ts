import type { Refusal } from '../events.ts'
import { OPEN, type Count } from './sources/table.ts'

/** What one connection holds of its source's limits. Given back once, by the guard's `release`. */
export class Lease {
  /** In the table of sources; -1: not counted there. */
  entry = -1
  /** As what it is counted: among the open ones, or among those that were refused and get the mask. */
  counted: Count = OPEN
  refusal: Refusal | undefined
  /** Refused, and there is no room to mask it: so many of its source are masked already, or everything is short. */
  isExcess = false
  isGreeting = false
  isRelaying = false
  /** Its source was used well of late when it came: what its neighbours do is not held against it. */
  isKnown = false
}
