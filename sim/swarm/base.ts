import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Hex digits of a commit that become a seed: below 2^28, so that any number of seeds can follow. */
const DIGITS = 7
const GIT_MS = 5_000
const ROOT = new URL('../../', import.meta.url)

export interface SeedBase {
  readonly seed: number
  /** What it comes from, for whoever wants the same again. */
  readonly from: string
}

/** Seeds that change with the commit, so that each one meets some that nobody has run. Of the version where there is no git. */
export function baseOfCommit(): SeedBase {
  const commit = headCommit()
  if (commit !== undefined) return { seed: seedOfHex(commit), from: `commit ${commit.slice(0, DIGITS)}` }
  const { name, version } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as Record<string, string>
  const hash = createHash('sha256').update(`${name}@${version}`).digest('hex')
  return { seed: seedOfHex(hash), from: `version ${version}` }
}

/** The number that the first seven hex digits write. */
export function seedOfHex(hex: string): number {
  return Number.parseInt(hex.slice(0, DIGITS), 16)
}

/** Undefined where there is no git, no repository, or one of somebody else's. */
function headCommit(): string | undefined {
  try {
    const output = execFileSync('git', ['rev-parse', '--verify', 'HEAD'], {
      ...{ cwd: ROOT, encoding: 'utf8', timeout: GIT_MS },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return /^[0-9a-f]{40,64}$/.exec(output.trim())?.[0]
  } catch {
    return undefined
  }
}
