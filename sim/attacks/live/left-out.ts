import type { FaultPlan } from '../plan/faults.ts'
import type { Scenario } from '../plan/read.ts'
import { isOfLines, isOfTelegram } from './live-faults.ts'

/** What of a scenario can be played against a real proxy, and sentences about the rest. */
export function playable(
  scenario: Scenario,
  hasTelegram: boolean,
): { readonly scenario: Scenario; readonly remarks: readonly string[] } {
  const { vault_outage, fault, uplink, ...rest } = scenario
  const ofTelegram = fault.filter(isOfTelegram)
  const left = [
    ...(vault_outage.length > 0 ? ['[[vault_outage]]'] : []),
    ...namesOf(fault.filter((each) => !isOfTelegram(each) && !isOfLines(each))),
    ...(uplink === undefined ? [] : ['uplink']),
  ]
  const played = fault.filter((each) => isOfLines(each) || (hasTelegram && isOfTelegram(each)))
  return {
    scenario: { ...rest, vault_outage: [], fault: played, reloads: played.map(() => undefined) },
    remarks: [
      'under test is the configuration that the proxy has, not the [config] of the scenario',
      ...(left.length === 0 ? [] : [`left out, as only the simulator can do it: ${left.join(', ')}`]),
      ...(hasTelegram || ofTelegram.length === 0
        ? []
        : [`left out without --telegram: ${namesOf(ofTelegram).join(', ')}`]),
      ...(hasTelegram ? [] : ['without --telegram a client counts as connected when the proxy has answered its hello']),
    ],
  }
}

/** Each once. */
function namesOf(faults: readonly FaultPlan[]): readonly string[] {
  const names = faults.map(({ kind, how }) => (kind === 'dc-down' ? `${kind} (${how})` : kind))
  return [...new Set(names)].map((name) => `[[fault]] ${name}`)
}
