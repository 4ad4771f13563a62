import { providerOf, type Provider } from '../../config/provider.ts'
import { ConfigFault, OnlySealed } from '../../start/errors.ts'
import { sealedSecrets, unsealLabels } from '../../start/sealed.ts'
import { openToken } from '../../start/token.ts'
import { labelProblems } from '../../start/vault.ts'
import { SealedVault } from '../../vault/sealed.ts'
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
  sealed:
    "sealed: secrets are in the proxy's memory while it runs, and nothing is promised to them there: whoever reads it has them; " +
    'on the disk they are encrypted under a key of the token',
}

/** Whether the token opens with its PIN, what it can do, and whether it has every secret. A wrong PIN counts as a try with the token. */
export function checkHsm({ loaded }: CheckInput): Promise<readonly Finding[]> {
  return Promise.resolve(loaded.config.hsm.module === '' ? [] : hsmFindings(loaded))
}

function hsmFindings(loaded: CheckInput['loaded']): Finding[] {
  try {
    if (providerOf(loaded.config.hsm) === 'sealed') return sealedFindings(loaded)
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
    if (error instanceof OnlySealed)
      return [finding('warn', `only the sealed route is left: ${error.why}`), ...orLines(() => sealedFindings(loaded))]
    return linesOf(error)
  }
}

/** Throws a `ConfigFault`. */
function sealedFindings(loaded: CheckInput['loaded']): Finding[] {
  const labels = loaded.config.secret.flatMap(({ key }) => (key.from === 'hsm' ? [key.label] : []))
  const folder = sealedSecrets(loaded)
  const faults = unsealLabels(new SealedVault(folder), loaded, labels)
  const problems = labelProblems(loaded, (label) => faults[labels.indexOf(label)], 'sealed')
  const bad = problems.map((problem) => finding('fail', formatProblem(problem)))
  const opened = `${labels.length - bad.length} of ${labels.length} secrets of the configuration`
  const what = `token "${loaded.config.hsm.token}" unseals ${opened}, in ${folder.path}`
  return [finding('ok', what), finding('ok', PROMISES.sealed), ...bad]
}

function orLines(act: () => Finding[]): Finding[] {
  try {
    return act()
  } catch (error) {
    return linesOf(error)
  }
}

function linesOf(error: unknown): Finding[] {
  if (!(error instanceof ConfigFault)) throw error
  return error.lines.map((line) => finding('fail', line))
}

function finding(level: Finding['level'], message: string): Finding {
  return { level, check: 'hsm', message }
}
