/** A contract suite is a plain list of cases, so that any runner on any runtime can go through it. */
export interface Case<Subject> {
  readonly name: string
  readonly run: (subject: Subject) => void | Promise<void>
}

/** What `run.ts` prints for each case, as one line of JSON. */
export interface CaseResult {
  readonly name: string
  /** Absent when the case passed. */
  readonly error?: string
}
