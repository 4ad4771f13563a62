import { closeSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Throws one line that says why no page can be written there. Before anything is run: nobody wants to know an hour later. */
export function checkReportFile(path: string): void {
  const isNew = statSync(path, { throwIfNoEntry: false }) === undefined
  try {
    closeSync(openSync(path, 'a'))
  } catch (error) {
    throw new Error(`--report: ${path} ${whyNot(path, error)}`, { cause: error })
  }
  if (isNew) rmSync(path)
}

export function writeReport(path: string, page: string): void {
  writeFileSync(path, page)
}

/** What runs us, such as "node 24.1.0 on linux x64". */
export function runtimeText(): string {
  const { versions, platform, arch } = process
  const runtime = versions.bun === undefined ? `node ${versions.node}` : `bun ${versions.bun}`
  return `${runtime} on ${platform} ${arch}`
}

/** For a command that somebody copies into a shell. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

function whyNot(path: string, error: unknown): string {
  const { code, message } = error as { code?: string; message: string }
  if (code === 'ENOENT') return `cannot be written: there is no folder ${dirname(path)}`
  if (code === 'ENOTDIR') return `cannot be written: ${dirname(path)} is not a folder`
  if (code === 'EISDIR') return 'is a folder; a file such as report.html is wanted'
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'cannot be written: no permission'
  return `cannot be written: ${code ?? message}`
}
