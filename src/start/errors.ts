import { formatProblem, type Problem } from '../config/problem.ts'

/** Why the proxy cannot run: one line for the operator. */
export class StartError extends Error {}

/** The configuration holds by itself, and not where it was started: a line for each problem. */
export class ConfigFault extends StartError {
  readonly problems: readonly Problem[]
  readonly lines: readonly string[]

  constructor(problems: readonly Problem[]) {
    const lines = problems.map(formatProblem)
    super(lines.join('; '))
    this.problems = problems
    this.lines = lines
  }
}

/** The module cannot use secrets without giving them out, and the configuration leaves it to us to go by sealed ones. */
export class OnlySealed extends ConfigFault {
  /** What the module cannot do: one line. */
  readonly why: string

  constructor(problems: readonly Problem[], why: string) {
    super(problems)
    this.why = why
  }
}
