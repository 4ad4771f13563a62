import { providerOf, type Provider } from '../../config/provider.ts'
import { ConfigFault } from '../../start/errors.ts'
import { openToken } from '../../start/token.ts'
import { labelProblems } from '../../start/vault.ts'
import { ALL_RETIRED } from '../../vault/token.ts'
import { formatProblem } from '../../config/problem.ts'
import type { CheckInput, Finding } from './finding.ts'

/** What holds where the module runs. */
const PROMISES: Readonly<Record<Provider, string>> = {
  none: 'no secret lies in a token',
  inproc:
    'in process: secrets are used inside the module, which shares our memory: SoftHSM has them there; if it hangs or crashes, so do we',
  helper:
    'in a helper process: no secret of the token is in the memory of the proxy, which a hang or crash of the module costs nothing',
}

/** Whether the token opens with its PIN, what it can do, and whether it has every secret. A wrong PIN counts as a try with the token. */
export function checkHsm({ loaded }: CheckInput): Promise<readonly Finding[]> {
  return Promise.resolve(loaded.config.hsm.module === '' ? [] : hsmFindings(loaded))
}

function hsmFindings(loaded: CheckInput['loaded']): Finding[] {
  const finding = (level: Finding['level'], message: string): Finding => ({ level, check: 'hsm', message })
  try {
    const { module, token, route } = openToken(loaded)
    const missing = labelProblems(loaded, (label) => {
      const found = token.find(label)
      if ('fault' in found) return found.fault
      return found.length === 0 ? ALL_RETIRED : undefined
    }).map((problem) => finding('fail', formatProblem(problem)))
    const { label, serial } = token.info
    const count = loaded.config.secret.filter(({ key }) => key.from === 'hsm').length
    const what = `token "${label}" (serial ${serial}) of ${module.describe()}`
    const findings = [
      finding('ok', `${what}: route ${route}, ${count} ${count === 1 ? 'secret' : 'secrets'} of the configuration`),
      finding('ok', PROMISES[providerOf(loaded.config.hsm)]),
      ...missing,
    ]
    token.close()
    return findings
  } catch (error) {
    if (!(error instanceof ConfigFault)) throw error
    return error.lines.map((line) => finding('fail', line))
  }
}
