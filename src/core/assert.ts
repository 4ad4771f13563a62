/** Our own fault: an invariant of the code did not hold. Ends that connection, moves a counter, fails any test. */
export class AssertionFault extends Error {}

/** `why` says why the condition must hold, not what it is. */
export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new AssertionFault(why)
}
