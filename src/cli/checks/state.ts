import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
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
    return Promise.resolve([finding('ok', `${path} ${made}`)])
  } catch {
    return Promise.resolve([finding('fail', `${at} cannot be written by this user`)])
  }
}
