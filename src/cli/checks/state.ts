import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigFault } from '../../start/errors.ts'
import { openStateKey } from '../../start/seal.ts'
import type { CheckInput, Finding } from './finding.ts'

/** Whether what must survive a restart can be written. A folder that is missing is made at the start, where its parent allows it. */
export function checkState({ loaded }: CheckInput): Promise<readonly Finding[]> {
  const { path } = loaded.config.state
  let at = path
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at)
  const finding = (level: Finding['level'], message: string): Finding => ({ level, check: 'state', message })
  if (!statSync(at).isDirectory()) return Promise.resolve([finding('fail', `${at} is no folder`)])
  try {
    accessSync(at, constants.W_OK | constants.X_OK)
    const made = at === path ? 'can be written' : 'will be made'
    return Promise.resolve([
      finding('ok', `${path} ${made}`),
      ...sealFindings(loaded).map((line) => finding('fail', line)),
    ])
  } catch {
    return Promise.resolve([finding('fail', `${at} cannot be written by this user`)])
  }
}

/** Whether what is sealed opens. A key in a token is left to the start: it would be one more try of the PIN. */
function sealFindings(loaded: CheckInput['loaded']): readonly string[] {
  if (loaded.config.state.sealed?.from === 'hsm') return []
  try {
    openStateKey(loaded)
    return []
  } catch (error) {
    if (error instanceof ConfigFault) return error.lines
    throw error
  }
}
