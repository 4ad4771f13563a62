/** Exit codes: what scripts and systemd units go by. */
export const EXIT = { ok: 0, failed: 1, usage: 2, config: 78 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends a command with one line on stderr, or with none when everything was said. */
export class CliError extends Error {
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode, message = '') {
    super(message)
    this.exitCode = exitCode
  }
}
