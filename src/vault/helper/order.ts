import type { Problem } from '../../config/problem.ts'

/** What the helper is told at its start, as the note `begin` on its channel. */
export interface HelperOrder {
  /** The configuration that the proxy was started with, as text: the file may have changed since. */
  readonly file: string
  readonly text: string
  readonly sets: readonly string[]
  readonly stateFolder: string
  /** Where it listens for processes of the proxy: a Unix socket. */
  readonly path: string
}

/** Its last words, as the note `failed`, where it cannot do its work. */
export interface HelperFailure {
  readonly message: string
  /** Where it is the configuration that is wrong. */
  readonly problems?: readonly Problem[]
  /** Where the proxy may use sealed secrets instead: what the module cannot do. */
  readonly onlySealed?: string
}

/** One for each label that was asked about, in their order: what speaks against it, if anything. */
export type LabelFaults = readonly (string | null)[]
