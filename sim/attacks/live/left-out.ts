import type { Scenario } from '../plan/read.ts'

/** What of a scenario can be played against a real proxy, and sentences about the rest. */
export function playable(
  scenario: Scenario,
  hasTelegram: boolean,
): { readonly scenario: Scenario; readonly remarks: readonly string[] } {
  const { vault_outage, fault, uplink, ...rest } = scenario
  const left = [
    vault_outage.length > 0 ? '[[vault_outage]]' : '',
    fault.length > 0 ? '[[fault]]' : '',
    uplink === undefined ? '' : 'uplink',
  ].filter((name) => name !== '')
  return {
    scenario: { ...rest, vault_outage: [], fault: [], reloads: [] },
    remarks: [
      'under test is the configuration that the proxy has, not the [config] of the scenario',
      ...(left.length === 0 ? [] : [`left out, as only the simulator can do it: ${left.join(', ')}`]),
      ...(hasTelegram ? [] : ['without --telegram a client counts as connected when the proxy has answered its hello']),
    ],
  }
}
